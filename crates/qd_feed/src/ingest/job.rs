//! What runs beside the task and comes back to it: REST questions, polls and commands. At most one of each question.

use std::time::Duration;

use qd_state::{
    CommandId, CommandOutcome, Event, PageAnswer, PageQuestion, PageQuestionId, Poll, PollAnswer,
    RestAnswer, RestAsk,
};
use qd_wire::salvage::BootstrapAnswer;

use super::Ingest;
#[cfg(not(target_arch = "wasm32"))]
use crate::config::FeedSource;
use crate::poller::{CLOCK_MILLIS, TAPE_CLOCK_MILLIS};
use crate::rest::RestError;
use crate::rest::command::{Inquiry, Sent, inquiry_wait};
use crate::rt::random_u64;
use crate::translate;

/// One job that is done.
pub(crate) enum Job {
    /// The sign-in was answered.
    #[cfg(not(target_arch = "wasm32"))]
    SignedIn(Result<(), RestError>),
    /// The first answer.
    Bootstrapped(Result<Box<BootstrapAnswer>, RestError>),
    /// A question of the store was answered.
    Asked(RestAsk, Box<Result<RestAnswer, RestError>>),
    /// A poll was answered.
    Polled(Poll, Box<Result<PollAnswer, RestError>>),
    /// A command was answered, or not.
    Commanded(CommandId, Box<Sent>, CommandOutcome),
    /// It is time to ask what became of a command; so many questions went before.
    InquiryDue(CommandId, Box<Sent>, usize),
    /// The server said what became of a command, or does not know yet.
    Inquired(CommandId, Box<Sent>, usize, Inquiry),
    /// What a page asked for was answered, or not; absent when there is no session any more.
    PageAnswered(PageQuestionId, Option<PageAnswer>),
    /// The tape was told something, or not.
    TapeTold(Box<Result<PollAnswer, RestError>>),
    /// The sign-out was answered, or not.
    SignedOut(Result<(), RestError>),
    /// The bus was connected, or not.
    #[cfg(not(target_arch = "wasm32"))]
    BusConnected(Box<Result<qd_bus::Bus, qd_bus::BusError>>),
    /// A part of the log was put into the lanes, or could not be read.
    #[cfg(not(target_arch = "wasm32"))]
    LogRead(Result<(), qd_bus::BusError>),
    /// The bus's answer in place of REST.
    #[cfg(not(target_arch = "wasm32"))]
    BusAsked(RestAsk, Box<Result<RestAnswer, String>>),
}

impl Ingest {
    /// Asks what the store wants to know, unless the same question is on its way.
    pub(super) fn ask_rest(&mut self, ask: RestAsk) {
        if !self.asking.insert(ask) {
            return;
        }
        #[cfg(not(target_arch = "wasm32"))]
        if matches!(self.config.source, FeedSource::Redis { .. }) {
            return self.ask_bus(ask);
        }
        let Some(rest) = self.rest.clone() else {
            return;
        };
        self.jobs.push(Box::pin(async move {
            Job::Asked(ask, Box::new(rest.ask(ask).await))
        }));
    }

    /// Asks what a page wants to know, once.
    pub(super) fn ask_for_page(&mut self, question_id: PageQuestionId, question: PageQuestion) {
        let Some(rest) = self.rest.clone() else {
            return self.apply(Event::PageAnswered {
                question_id,
                answer: PageAnswer::Failed {
                    detail: "this source is read-only and keeps no history".to_owned(),
                },
            });
        };
        self.jobs.push(Box::pin(async move {
            Job::PageAnswered(question_id, rest.ask_for_page(&question).await)
        }));
    }

    /// Starts the polls that are due.
    pub(super) fn start_polls(&mut self, now: i64) {
        if self.rest.is_none() {
            return;
        }
        for poll in self.pollers.start_due(now) {
            let Some(rest) = self.rest.clone() else {
                return;
            };
            let symbols = match poll {
                Poll::Prices | Poll::Series => self.store.held_symbols(),
                Poll::MarketClock | Poll::Health | Poll::Stats => Vec::new(),
            };
            let wants_symbols = matches!(poll, Poll::Prices | Poll::Series);
            if wants_symbols && symbols.is_empty() {
                // Nothing held yet, or not known yet: look again soon, ask nothing.
                self.pollers.nothing_to_ask(poll, now);
                continue;
            }
            self.jobs.push(Box::pin(async move {
                Job::Polled(poll, Box::new(rest.poll(poll, &symbols).await))
            }));
        }
    }

    /// Sends a command, once.
    pub(super) fn send_command(&self, command_id: CommandId, sent: Sent) {
        let Some(rest) = self.rest.clone() else {
            return;
        };
        self.jobs.push(Box::pin(async move {
            let outcome = rest.command(&sent).await;
            Job::Commanded(command_id, Box::new(sent), outcome)
        }));
    }

    fn inquire_later(
        &self,
        command_id: CommandId,
        sent: Box<Sent>,
        num_asked: usize,
        wait: Duration,
    ) {
        let sleep = self.rt.sleep(wait);
        self.jobs.push(Box::pin(async move {
            sleep.await;
            Job::InquiryDue(command_id, sent, num_asked)
        }));
    }

    /// Takes what a job brought.
    pub(super) fn job_done(&mut self, job: Job) {
        profiling::function_scope!();
        match job {
            #[cfg(not(target_arch = "wasm32"))]
            Job::SignedIn(result) => self.signed_in(result),
            Job::Bootstrapped(result) => self.bootstrapped(result),
            Job::Asked(ask, result) => {
                self.asking.remove(&ask);
                match *result {
                    Ok(answer) => self.apply(Event::RestLoaded(answer)),
                    Err(RestError::Unauthorized) => self.session_over("the session has ended"),
                    Err(err) => self.apply(Event::RestFailed {
                        ask,
                        detail: translate::words(&err.to_string()),
                    }),
                }
            }
            Job::Polled(poll, result) => self.polled(poll, *result),
            Job::Commanded(command_id, sent, outcome) => {
                if matches!(outcome, CommandOutcome::Unknown { .. }) {
                    self.inquire_later(command_id, sent, 0, inquiry_wait(0));
                }
                self.apply(Event::CommandAnswered {
                    command_id,
                    outcome,
                });
            }
            Job::InquiryDue(command_id, sent, num_asked) => {
                // Without a connection nobody can say; the question waits, the command is never sent again.
                match self.rest.clone().filter(|_| self.link.is_up()) {
                    Some(rest) => self.jobs.push(Box::pin(async move {
                        let inquiry = rest.inquire(&sent, num_asked).await;
                        Job::Inquired(command_id, sent, num_asked, inquiry)
                    })),
                    None => {
                        self.inquire_later(command_id, sent, num_asked, inquiry_wait(num_asked));
                    }
                }
            }
            Job::Inquired(command_id, sent, num_asked, inquiry) => match inquiry {
                Inquiry::Settled(outcome) => self.apply(Event::CommandAnswered {
                    command_id,
                    outcome,
                }),
                Inquiry::AskAgain(wait) => {
                    self.inquire_later(command_id, sent, num_asked + 1, wait);
                }
            },
            Job::PageAnswered(question_id, Some(answer)) => self.apply(Event::PageAnswered {
                question_id,
                answer,
            }),
            Job::PageAnswered(_, None) => self.session_over("the session has ended"),
            Job::TapeTold(result) => self.tape_told(*result),
            Job::SignedOut(result) => self.signed_out(result),
            #[cfg(not(target_arch = "wasm32"))]
            Job::BusConnected(result) => self.bus_connected(*result),
            #[cfg(not(target_arch = "wasm32"))]
            Job::LogRead(result) => match result {
                Ok(()) => self.bus_answered(),
                // The store asks again by itself.
                Err(err) => tracing::info!(%err, "the log cannot be read"),
            },
            #[cfg(not(target_arch = "wasm32"))]
            Job::BusAsked(ask, result) => {
                self.asking.remove(&ask);
                match *result {
                    Ok(answer) => self.apply(Event::RestLoaded(answer)),
                    Err(detail) => self.apply(Event::RestFailed { ask, detail }),
                }
            }
        }
    }

    fn polled(&mut self, poll: Poll, result: Result<PollAnswer, RestError>) {
        let now = self.rt.monotonic_micros();
        let outcome = match &result {
            Ok(_) => Ok(()),
            Err(err) => Err(err.retry_after_millis()),
        };
        if let Ok(PollAnswer::MarketClock(clock)) = &result {
            let millis = if clock.tape.is_some() {
                TAPE_CLOCK_MILLIS
            } else {
                CLOCK_MILLIS
            };
            self.pollers.set_interval(poll, millis);
        }
        let due_at = self.pollers.finished(poll, outcome, now, random_u64());
        match result {
            Ok(answer) => self.apply(Event::PollLoaded(answer)),
            Err(RestError::Unauthorized) => self.session_over("the session has ended"),
            Err(err) => self.apply(Event::PollFailed {
                poll,
                detail: translate::words(&err.to_string()),
                retry_at: due_at.map(|at| self.wall_at(at)),
            }),
        }
    }
}
