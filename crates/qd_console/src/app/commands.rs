//! What the pages asked for, done one by one before the next frame: the only way from a click to the feed.

use eframe::egui;
use qd_feed::{FeedCommand, decision_id};
use qd_pages::{Command, SentCommand};
use qd_state::Poll;
use qd_types::Tone;

use super::App;
use crate::save_file;

impl App {
    pub(super) fn run_commands(&mut self, ctx: &egui::Context) {
        profiling::function_scope!();
        for SentCommand { command, location } in std::mem::take(&mut self.asked) {
            tracing::info!(?command, %location, "asked");
            self.run_command(ctx, command);
        }
    }

    fn run_command(&mut self, ctx: &egui::Context, command: Command) {
        match command {
            Command::ClosePosition {
                command_id,
                client_order_id,
                symbol,
                part,
            } => {
                // A row that is one position says whose; a folded one is the server's to take apart.
                let row = self
                    .snapshot
                    .positions
                    .rows
                    .iter()
                    .find(|row| row.symbol == symbol);
                let only = part.or_else(|| match &*row?.parts {
                    [part] => Some(part.key.clone()),
                    _ => None,
                });
                self.ask_feed(FeedCommand::ClosePosition {
                    command_id,
                    client_order_id,
                    account: only.as_ref().map(|part| part.account.clone()),
                    strategy: only.map(|part| part.strategy),
                    symbol,
                    qty: None,
                    reason: "closed from the console".to_owned(),
                });
            }
            Command::CancelOrder {
                command_id,
                account,
                client_order_id,
                symbol: _,
            } => self.ask_feed(FeedCommand::CancelOrder {
                command_id,
                // One per decision; it is kept by the feed from here on.
                idempotency_key: decision_id(),
                account,
                client_order_id,
                reason: None,
            }),
            Command::ModifyOrder {
                command_id,
                decision_id,
                account,
                client_order_id,
                qty,
                limit_price,
                stop_price,
            } => self.ask_feed(FeedCommand::ModifyOrder {
                command_id,
                idempotency_key: decision_id,
                account,
                client_order_id,
                qty,
                limit_price,
                stop_price,
            }),
            Command::CancelAll {
                command_id,
                decision_id,
                scope,
            } => self.ask_feed(FeedCommand::CancelAll {
                command_id,
                idempotency_key: decision_id.to_string(),
                scope,
                reason: "cancelled all from the console".to_owned(),
            }),
            Command::AskForPage(ask) => self.ask_feed(FeedCommand::Page(ask)),
            Command::ControlTape(action) => self.ask_feed(FeedCommand::ControlTape(action)),
            Command::RefreshPoll(poll) => self.ask_feed(FeedCommand::Refresh(poll)),
            Command::RefreshStreams => {
                // A poll cannot renew a stream's proof: only the stream itself can, on a connection that works.
                self.ask_feed(FeedCommand::Reconnect);
                self.ask_feed(FeedCommand::Refresh(Poll::Prices));
            }
            Command::RetryConnection => self.ask_feed(FeedCommand::RetryNow),
            Command::Reload => self.reload(),
            Command::SignOut => self.ask_feed(FeedCommand::SignOut),
            Command::ShowPage(page) => {
                self.desk.page = page;
                ctx.request_repaint();
            }
            Command::SaveFile {
                name,
                media_type,
                contents,
            } => {
                let (tone, words) = match save_file::save(&name, media_type, &contents.0) {
                    Ok(words) => (Tone::Info, words),
                    Err(words) => (Tone::Danger, words),
                };
                self.desk.toasts.push(tone, words, self.now.as_millis());
            }
        }
    }

    /// What the feed does not take is said at once: nothing was sent then.
    pub(super) fn ask_feed(&mut self, command: FeedCommand) {
        if let Err(err) = self.feed.send(command) {
            self.desk
                .toasts
                .push(Tone::Danger, err.to_string(), self.now.as_millis());
        }
    }

    #[cfg(target_arch = "wasm32")]
    #[expect(clippy::unused_self, reason = "the desktop's asks the feed")]
    fn reload(&self) {
        crate::web::reload();
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn reload(&mut self) {
        self.ask_feed(FeedCommand::RetryNow);
    }
}
