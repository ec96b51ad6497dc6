//! Which evaluations run and which wait: as many run as there are workers, and a given number of others may wait.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    thread,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;

use crate::server::api::Problem;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that evaluate, and the requests that wait for one of them, in the order in which they came.
pub(super) struct Queue {
    jobs: Sender<Job>,
}

impl Queue {
    /// # Errors
    /// Where no thread can be started.
    pub(super) fn start(workers: usize, max_waiting: usize) -> io::Result<Self> {
        let (jobs, waiting) = bounded(max_waiting);
        for _ in 0..workers {
            let waiting = Receiver::clone(&waiting);
            thread::Builder::new().name("evaluation".into()).spawn(move || work(&waiting))?;
        }
        Ok(Self { jobs })
    }

    /// Does it on one of the threads. For a client that is gone before its turn nothing is done; once begun it is done to
    /// its end.
    ///
    /// # Errors
    /// [`Problem::QueueFull`], at once; [`Problem::Internal`] for what panicked.
    pub(super) async fn run<T: Send + 'static>(&self, what: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            if !answer.is_closed() {
                let _ = answer.send(what());
            }
        });
        self.jobs.try_send(job).map_err(|_| Problem::QueueFull)?;
        answered.await.map_err(|_| Problem::Internal)
    }

    /// How many wait.
    pub(super) fn depth(&self) -> usize {
        self.jobs.len()
    }
}

fn work(waiting: &Receiver<Job>) {
    for job in waiting {
        // Who waits for the answer is told by its absence.
        let _ = panic::catch_unwind(AssertUnwindSafe(job));
    }
}
