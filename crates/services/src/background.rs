//! Tasks that outlive the request that started them and are awaited at shutdown.
use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Runs tasks on the runtime in which it was created, which outlives the request threads. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct BackgroundTasks {
    tracker: TaskTracker,
    stopping: CancellationToken,
    runtime: Handle,
}

impl BackgroundTasks {
    /// Creates an empty set. Must be called within the tokio runtime that runs the tasks.
    pub fn new() -> Self {
        let (tracker, stopping) = (TaskTracker::new(), CancellationToken::new());
        Self { tracker, stopping, runtime: Handle::current() }
    }

    /// Spawns a task that outlives its caller. Dropping the handle does not cancel it.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn_on(task, &self.runtime)
    }

    /// Completes when the tasks are asked to finish early and save their state.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Waits for all tasks. After `timeout_before_stop`, asks the remaining ones to finish early;
    /// after `grace`, abandons them. Returns the number abandoned.
    pub async fn finish(&self, timeout_before_stop: Duration, grace: Duration) -> usize {
        self.tracker.close();
        if timeout(timeout_before_stop, self.tracker.wait()).await.is_err() {
            self.stopping.cancel();
            // A timeout is reflected in the count below.
            let _ = timeout(grace, self.tracker.wait()).await;
        }
        self.tracker.len()
    }
}

impl Default for BackgroundTasks {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT_TIMEOUT: Duration = Duration::from_millis(20);
    const LONG_TIMEOUT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn finish_waits_for_tasks_then_asks_them_to_stop() {
        let tasks = BackgroundTasks::new();
        let sleeper = tasks.spawn(tokio::time::sleep(SHORT_TIMEOUT));
        assert_eq!(tasks.finish(LONG_TIMEOUT, LONG_TIMEOUT).await, 0);
        assert!(sleeper.is_finished());

        let handle = tasks.clone();
        let listener = tasks.spawn(async move { handle.stopping().await });
        assert_eq!(tasks.finish(SHORT_TIMEOUT, LONG_TIMEOUT).await, 0);
        assert!(listener.is_finished());

        let endless = tasks.spawn(std::future::pending::<()>());
        assert_eq!(tasks.finish(SHORT_TIMEOUT, SHORT_TIMEOUT).await, 1);
        assert!(!endless.is_finished());
    }

    /// A request thread can end together with its own runtime.
    #[test]
    fn tasks_outlive_the_runtime_that_spawned_them() {
        let build = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let runtime = build();
        let tasks = runtime.block_on(async { BackgroundTasks::new() });
        let (spawner, channel) = (tasks.clone(), tokio::sync::oneshot::channel());
        build().block_on(async move { drop(spawner.spawn(async move { channel.0.send(7) })) });
        assert_eq!(runtime.block_on(channel.1), Ok(7));
    }
}
