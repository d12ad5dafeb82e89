//! The small part of the runtime that differs between native and web: spawn, sleep, now, chance.
//!
//! It does not know sockets or HTTP. Everything above it is one program for both targets.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{AbortHandle, abortable};
use qd_types::{Clock, UtcMicros};

#[cfg(not(target_arch = "wasm32"))]
use self::native as platform;
#[cfg(target_arch = "wasm32")]
use self::web as platform;

/// `Send` where there are threads, nothing where there are none.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send> MaybeSend for T {}

/// `Send` where there are threads, nothing where there are none.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSend {}
#[cfg(target_arch = "wasm32")]
impl<T> MaybeSend for T {}

/// A boxed future that can be spawned on this target.
#[cfg(not(target_arch = "wasm32"))]
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// A boxed future that can be spawned on this target.
#[cfg(target_arch = "wasm32")]
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Tasks started and ended, to prove that leaving leaves nothing behind.
#[derive(Debug, Default)]
pub struct TaskCounters {
    started: AtomicU64,
    ended: AtomicU64,
}

impl TaskCounters {
    /// Tasks started since the runtime was made.
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::SeqCst)
    }

    /// Tasks that have ended, by themselves or because their guard was dropped.
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }

    /// Tasks that are alive now.
    pub fn alive(&self) -> u64 {
        // `ended` first: reading it later could count a task that started in between as ended only.
        let ended = self.ended();
        self.started().saturating_sub(ended)
    }
}

/// Counts a task as ended however it ends.
struct EndOnDrop(Arc<TaskCounters>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// Ends its task when dropped.
#[derive(Debug)]
pub struct TaskGuard {
    abort: AbortHandle,
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

/// Where tasks run and where time comes from; cheap to clone.
#[derive(Clone, Debug)]
pub struct Rt {
    platform: platform::Platform,
    tasks: Arc<TaskCounters>,
}

impl Rt {
    /// Runs tasks on `handle`, which must outlive them.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new(handle: tokio::runtime::Handle) -> Self {
        Self {
            platform: platform::Platform::new(handle, None),
            tasks: Arc::default(),
        }
    }

    /// The same with a wall clock of the caller's: for virtual time, and for machines that sleep at a test's word.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn with_clock(handle: tokio::runtime::Handle, clock: Arc<dyn Clock>) -> Self {
        Self {
            platform: platform::Platform::new(handle, Some(clock)),
            tasks: Arc::default(),
        }
    }

    /// Runs tasks in the browser's own loop.
    #[cfg(target_arch = "wasm32")]
    #[expect(
        clippy::new_without_default,
        reason = "a runtime is chosen, never a default"
    )]
    pub fn new() -> Self {
        Self {
            platform: platform::Platform::new(),
            tasks: Arc::default(),
        }
    }

    /// Starts a task that ends when the guard is dropped.
    #[must_use = "dropping the guard ends the task at once"]
    pub fn spawn(&self, task: impl Future<Output = ()> + MaybeSend + 'static) -> TaskGuard {
        self.tasks.started.fetch_add(1, Ordering::SeqCst);
        let end = EndOnDrop(Arc::clone(&self.tasks));
        let (task, abort) = abortable(task);
        self.platform.spawn(async move {
            // An aborted task is what dropping its guard asks for.
            task.await.ok();
            drop(end);
        });
        TaskGuard { abort }
    }

    /// Starts a task that runs to its own end, for work that must outlive whoever asked for it.
    pub fn spawn_detached(&self, task: impl Future<Output = ()> + MaybeSend + 'static) {
        self.tasks.started.fetch_add(1, Ordering::SeqCst);
        let end = EndOnDrop(Arc::clone(&self.tasks));
        self.platform.spawn(async move {
            task.await;
            drop(end);
        });
    }

    /// Becomes ready after `duration`; in a hidden tab the browser may make it a second or more late.
    pub fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.platform.sleep(duration)
    }

    /// Gives `None` when `task` is not ready within `limit`; the task is dropped then.
    pub async fn timeout<T>(
        &self,
        limit: Duration,
        task: impl Future<Output = T> + MaybeSend,
    ) -> Option<T> {
        let task = std::pin::pin!(task);
        match futures_util::future::select(task, self.sleep(limit)).await {
            futures_util::future::Either::Left((value, _)) => Some(value),
            futures_util::future::Either::Right(((), _)) => None,
        }
    }

    /// Microseconds of a clock that never goes back; only differences mean something.
    pub fn monotonic_micros(&self) -> i64 {
        self.platform.monotonic_micros()
    }

    /// What has been started and ended here.
    pub fn tasks(&self) -> &TaskCounters {
        &self.tasks
    }
}

impl Clock for Rt {
    fn now(&self) -> UtcMicros {
        self.platform.now()
    }
}

/// A name that no other decision has, for orders and idempotency keys: 128 random bits.
pub fn decision_id() -> String {
    format!("qd-{:016x}{:016x}", random_u64(), random_u64())
}

/// 64 random bits: for jitter and for ids that must not collide, never for secrets.
pub(crate) fn random_u64() -> u64 {
    platform::random_u64()
}
