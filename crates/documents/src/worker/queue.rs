//! The queue for parse workers: fair between owners and bounded.
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Maximum number of waiting files.
const MAX_WAITING: usize = 256;
/// Maximum number of waiting files of one owner.
const MAX_WAITING_OF_ONE: usize = 64;

/// Grants turns. Waiting owners are served in rotation, so that one with many files delays another
/// by at most one file. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Queue(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    waiting: usize,
    /// Owners with waiting files, the next one first.
    rotation: VecDeque<String>,
    files: HashMap<String, VecDeque<oneshot::Sender<Turn>>>,
}

/// The right to run one worker. Dropping it passes it on.
#[derive(Debug)]
pub(super) struct Turn(Option<Queue>);

/// The queue is full.
#[derive(Debug, PartialEq)]
pub(super) struct Full;

impl Queue {
    pub fn new(workers: usize) -> Self {
        let state = State {
            free: workers.max(1),
            waiting: 0,
            rotation: VecDeque::new(),
            files: HashMap::new(),
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Waits for a turn.
    pub async fn acquire(&self, owner: &str) -> Result<Turn, Full> {
        let receiver = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn(Some(self.clone())));
            }
            let waiting_of_owner = state.files.get(owner).map_or(0, VecDeque::len);
            if state.waiting >= MAX_WAITING || waiting_of_owner >= MAX_WAITING_OF_ONE {
                return Err(Full);
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting += 1;
            if waiting_of_owner == 0 {
                state.rotation.push_back(owner.to_owned());
            }
            state.files.entry(owner.to_owned()).or_default().push_back(sender);
            receiver
        };
        receiver.await.map_err(|_| Full)
    }

    /// Passes a free turn to the next file whose request still waits.
    fn hand_over(&self) {
        loop {
            let mut state = self.lock();
            let Some(sender) = state.next() else {
                state.free += 1;
                return;
            };
            drop(state);
            match sender.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // The request was dropped. Its turn must not be passed on a second time.
                Err(mut turn) => turn.0 = None,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let owner = self.rotation.pop_front()?;
        let files = self.files.get_mut(&owner)?;
        let next = files.pop_front();
        self.waiting -= usize::from(next.is_some());
        if files.is_empty() {
            self.files.remove(&owner);
        } else {
            self.rotation.push_back(owner);
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.hand_over();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_owner_with_many_files_delays_another_by_one() {
        let queue = Queue::new(1);
        let first = queue.acquire("key:1").await.unwrap();
        let (served, mut order) = tokio::sync::mpsc::unbounded_channel();
        for owner in ["key:1", "key:1", "key:1", "user:2", "key:1"] {
            let (queue, served) = (queue.clone(), served.clone());
            let waits = queue.lock().waiting;
            tokio::spawn(async move {
                let turn = queue.acquire(owner).await.unwrap();
                served.send(owner).unwrap();
                drop(turn);
            });
            while queue_waiting(&order, waits).await {}
        }
        drop(first);
        let mut all = Vec::new();
        for _ in 0..5 {
            all.push(order.recv().await.unwrap());
        }
        assert_eq!(all, ["key:1", "user:2", "key:1", "key:1", "key:1"]);
    }

    /// Lets the last spawned task reach the queue.
    async fn queue_waiting(_: &tokio::sync::mpsc::UnboundedReceiver<&str>, _: usize) -> bool {
        tokio::task::yield_now().await;
        false
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_dropped_request_makes_room() {
        let queue = Queue::new(1);
        let first = queue.acquire("key:1").await.unwrap();
        let wait = || {
            let queue = queue.clone();
            tokio::spawn(async move { queue.acquire("key:1").await.map(drop) })
        };
        let mut waiting: Vec<_> = (0..MAX_WAITING_OF_ONE).map(|_| wait()).collect();
        while queue.lock().waiting < MAX_WAITING_OF_ONE {
            tokio::task::yield_now().await;
        }
        assert_eq!(queue.acquire("key:1").await.map(drop), Err(Full));
        let other = queue.clone();
        let other = tokio::spawn(async move { other.acquire("user:2").await.map(drop) });
        while queue.lock().waiting <= MAX_WAITING_OF_ONE {
            tokio::task::yield_now().await;
        }
        let given_up = waiting.remove(0);
        given_up.abort();
        let _ = given_up.await;
        drop(first);
        assert_eq!(other.await.unwrap(), Ok(()));
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap(), Ok(()));
        }
        let state = queue.lock();
        assert_eq!((state.free, state.waiting), (1, 0));
    }
}
