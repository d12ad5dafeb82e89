//! The one task that owns the desk: steps it, carries out jobs in order, and publishes what changed.
//!
//! Two bounded lanes lead to it; what reduces risk has its own, which is looked at first, so that a flood of reads
//! or orders never delays a cancel. A panic while the desk is being changed stops the task for good: books that may be
//! half-written must not go on, and everything that asks is told so.

mod publish;
mod status;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use qd_bus::Bus;
use qd_types::{Clock, Environment, StreamName, StreamPos, Symbol, UserId, UtcMicros};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::publish::Streams;
pub(crate) use self::publish::totals_of;
pub use self::status::EngineStatus;
use crate::config::ExecutionConfig;
use crate::desk::Desk;
use crate::market::Replay;

/// Jobs that may wait on each lane.
const LANE_CAPACITY: usize = 1024;
/// Longest wait for the engine to answer.
const ANSWER_DUE: Duration = Duration::from_secs(2);

/// Why an execution gateway could not be started.
#[derive(Debug, Error)]
pub enum ExecutionError {
    /// The configuration names something that does not exist, or names it twice.
    #[error("the configuration's {what} {name:?} {reason}")]
    Config {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Why the engine did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EngineError {
    /// It has ended, in order or by a failure; nothing was done.
    #[error("the execution engine is not running")]
    Stopped,
    /// Too many jobs wait; nothing was done.
    #[error("the execution engine has too much to do")]
    Busy,
    /// No answer came in time: the job may or may not be done later.
    #[error("the execution engine did not answer in time")]
    NoAnswer,
}

/// Which lane a job takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Cancels and closes.
    Safety,
    /// Everything else.
    Normal,
}

/// To be called when what the job changed has been published.
type Reply = Box<dyn FnOnce() + Send>;
type Job = Box<dyn FnOnce(&mut Desk, UtcMicros) -> Reply + Send>;

/// Starts execution gateways.
#[derive(Debug)]
pub struct Execution;

struct Shared {
    safety: mpsc::Sender<Job>,
    normal: mpsc::Sender<Job>,
    status: Arc<EngineStatus>,
    streams: Arc<Streams>,
    bus: Bus,
    clock: Arc<dyn Clock>,
    environment: Environment,
    version: String,
    step_millis: u32,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A running execution gateway. Clones share it; when the last is dropped it ends.
#[derive(Clone)]
pub struct ExecutionHandle {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for ExecutionHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecutionHandle")
            .field("bus", &self.shared.bus)
            .field("status", &self.shared.status)
            .finish_non_exhaustive()
    }
}

impl Execution {
    /// Simulates the desk's past, then starts the engine and its publishers. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`ExecutionError`] when the configuration contradicts itself.
    pub fn start(
        config: &ExecutionConfig,
        bus: Bus,
        clock: Arc<dyn Clock>,
    ) -> Result<ExecutionHandle, ExecutionError> {
        check(config, &|symbol| {
            crate::market::first_cents(symbol).is_some()
        })?;
        let desk = Desk::new(config, clock.now());
        Ok(Self::start_desk(config, desk, bus, clock))
    }

    /// Starts over a tape: the desk trades what it plays.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_replay(
        config: &ExecutionConfig,
        replay: Replay,
        bus: Bus,
        clock: Arc<dyn Clock>,
    ) -> Result<ExecutionHandle, ExecutionError> {
        let listed = replay.symbols();
        check(config, &|symbol| listed.contains(&symbol))?;
        let desk = Desk::replaying(config, replay, clock.now());
        Ok(Self::start_desk(config, desk, bus, clock))
    }

    fn start_desk(
        config: &ExecutionConfig,
        desk: Desk,
        bus: Bus,
        clock: Arc<dyn Clock>,
    ) -> ExecutionHandle {
        let streams = Arc::new(Streams::start(&desk, &config.users, &bus, &clock));
        let (safety, safety_jobs) = mpsc::channel(LANE_CAPACITY);
        let (normal, normal_jobs) = mpsc::channel(LANE_CAPACITY);
        let status = Arc::new(EngineStatus::new(clock.now()));
        let stop = CancellationToken::new();
        let engine = Engine {
            desk,
            clock: Arc::clone(&clock),
            streams: Arc::clone(&streams),
            status: Arc::clone(&status),
            step_millis: config.step_millis.max(1),
        };
        let running = tokio::spawn(engine.run(safety_jobs, normal_jobs, stop.clone()));
        let task = tokio::spawn(async move {
            if let Err(err) = running.await {
                tracing::error!(error = %err, "the execution engine ended by a failure; nothing trades until a restart");
            }
        });
        ExecutionHandle {
            shared: Arc::new(Shared {
                safety,
                normal,
                status,
                streams,
                bus,
                clock,
                environment: config.environment,
                version: config.version.clone(),
                step_millis: config.step_millis.max(1),
                stop,
                task: Mutex::new(Some(task)),
            }),
        }
    }
}

fn check(
    config: &ExecutionConfig,
    is_listed: &dyn Fn(Symbol) -> bool,
) -> Result<(), ExecutionError> {
    let refuse = |what, name: &str, reason| {
        Err(ExecutionError::Config {
            what,
            name: name.to_owned(),
            reason,
        })
    };
    let mut accounts = std::collections::BTreeSet::new();
    for account in &config.accounts {
        if !accounts.insert(&account.account) {
            return refuse("account", account.account.as_str(), "is there twice");
        }
        for holding in &account.holdings {
            if !is_listed(holding.symbol) {
                return refuse(
                    "holding",
                    holding.symbol.as_str(),
                    "is not listed on this market",
                );
            }
        }
    }
    let mut users = std::collections::BTreeSet::new();
    for user in &config.users {
        if !users.insert(&user.user_id) {
            return refuse("user", user.user_id.as_str(), "is there twice");
        }
        if let Some(account) = user
            .accounts
            .iter()
            .find(|account| !accounts.contains(account))
        {
            return refuse("user's account", account.as_str(), "does not exist");
        }
    }
    for strategy in &config.strategies {
        if !accounts.contains(&strategy.account) {
            return refuse(
                "strategy's account",
                strategy.account.as_str(),
                "does not exist",
            );
        }
        for (symbol, _) in &strategy.symbols {
            if !is_listed(*symbol) {
                return refuse(
                    "strategy's symbol",
                    symbol.as_str(),
                    "is not listed on this market",
                );
            }
        }
    }
    Ok(())
}

impl ExecutionHandle {
    /// Reads something of the desk, in turn with everything else.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Desk, UtcMicros) -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        // A mistake in a read leaves the books as they are: only the reader goes without an answer.
        let guarded =
            move |desk: &mut Desk, now| catch_unwind(AssertUnwindSafe(|| read(desk, now))).ok();
        self.change(Lane::Normal, guarded)
            .await?
            .ok_or(EngineError::NoAnswer)
    }

    /// Changes the desk; what changed has been numbered for publishing when the answer comes.
    pub async fn change<T: Send + 'static>(
        &self,
        lane: Lane,
        change: impl FnOnce(&mut Desk, UtcMicros) -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |desk, now| {
            let result = change(desk, now);
            Box::new(move || {
                // The asker may have given up; the change stands all the same.
                answer.send(result).ok();
            })
        });
        match lane {
            // Never refused because others are many: it waits for its place.
            Lane::Safety => tokio::time::timeout(ANSWER_DUE, self.shared.safety.send(job))
                .await
                .map_err(|_elapsed| EngineError::Busy)?
                .map_err(|_closed| EngineError::Stopped)?,
            Lane::Normal => self.shared.normal.try_send(job).map_err(|err| match err {
                mpsc::error::TrySendError::Full(_) => EngineError::Busy,
                mpsc::error::TrySendError::Closed(_) => EngineError::Stopped,
            })?,
        }
        match tokio::time::timeout(ANSWER_DUE, answered).await {
            Ok(Ok(result)) => Ok(result),
            // Taken up and not answered: the engine ended on the way.
            Ok(Err(_dropped)) => Err(EngineError::NoAnswer),
            Err(_elapsed) => Err(EngineError::NoAnswer),
        }
    }

    /// The newest number of a stream that this gateway publishes, to be read BEFORE the rows it is given with.
    pub fn position(&self, stream: &StreamName) -> Option<StreamPos> {
        self.shared.streams.position(stream)
    }

    /// Whether a user has streams here.
    pub fn has_streams(&self, user: &UserId) -> bool {
        self.shared.streams.has(user)
    }

    /// Counters of the publishers, added up, in a fixed order.
    pub fn stream_counts(&self) -> Vec<(&'static str, u64)> {
        self.shared.streams.counts()
    }

    /// What the engine says about itself, readable even when it hangs.
    pub fn status(&self) -> &EngineStatus {
        &self.shared.status
    }

    /// The bus it publishes on.
    pub fn bus(&self) -> &Bus {
        &self.shared.bus
    }

    /// The present instant of its clock.
    pub fn now(&self) -> UtcMicros {
        self.shared.clock.now()
    }

    /// Where it trades.
    pub fn environment(&self) -> Environment {
        self.shared.environment
    }

    /// The program's version.
    pub fn version(&self) -> &str {
        &self.shared.version
    }

    /// Milliseconds between two steps.
    pub fn step_millis(&self) -> u32 {
        self.shared.step_millis
    }

    /// Whether the engine's task still runs.
    pub fn is_running(&self) -> bool {
        !self.shared.normal.is_closed()
    }

    /// Ends the engine and waits until its last events are in the store, at most `patience`.
    pub async fn stop(&self, patience: Duration) {
        self.shared.stop.cancel();
        let task = self.shared.task.lock().take();
        if let Some(task) = task {
            task.await.ok();
        }
        if tokio::time::timeout(patience, self.shared.streams.drained())
            .await
            .is_err()
        {
            tracing::warn!(
                "some order or alert events were not in the store when the execution gateway ended"
            );
        }
    }
}

struct Engine {
    desk: Desk,
    clock: Arc<dyn Clock>,
    streams: Arc<Streams>,
    status: Arc<EngineStatus>,
    step_millis: u32,
}

impl Engine {
    async fn run(
        mut self,
        mut safety: mpsc::Receiver<Job>,
        mut normal: mpsc::Receiver<Job>,
        stop: CancellationToken,
    ) {
        let mut steps = tokio::time::interval(Duration::from_millis(u64::from(self.step_millis)));
        steps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = steps.tick() => self.step(),
                Some(job) = safety.recv() => self.work(job),
                Some(job) = normal.recv() => self.work(job),
            }
            self.status.note_queued(safety.len() + normal.len());
        }
    }

    fn step(&mut self) {
        profiling::function_scope!();
        let began = self.clock.now();
        self.desk.step(began);
        self.flush(began);
        self.status.note_step(&self.desk, began, self.clock.now());
    }

    fn work(&mut self, job: Job) {
        profiling::function_scope!();
        let now = self.clock.now();
        let reply = job(&mut self.desk, now);
        self.flush(now);
        reply();
    }

    fn flush(&mut self, now: UtcMicros) {
        let changes = self.desk.take_changes();
        let alerts = self.desk.watch(&changes, now);
        self.status.note_changes(&changes);
        self.streams.publish(&self.desk, &changes, now);
        self.streams.publish_alerts(&alerts, now);
    }
}
