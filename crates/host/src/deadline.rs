//! Stopping what runs too long, to the millisecond.
//!
//! A thread sleeps until the earliest deadline, then bumps the engines' epoch; every running
//! instance looks at its own clock and goes on or stops. Without deadlines it sleeps for good.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use wasmtime::Engine;

/// Owns the thread; it ends with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
    /// Only for its drop: the thread itself keeps `shared` alive.
    _owner: Arc<Owner>,
}

/// While it lives, the epoch will be bumped at its deadline.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    entry: (Instant, u64),
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    deadlines: BTreeSet<(Instant, u64)>,
    next_id: u64,
    /// Until when the thread sleeps; an earlier deadline has to wake it, a later one need not.
    asleep_until: Option<Instant>,
    closed: bool,
}

#[derive(Debug)]
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchdog {
    /// # Errors
    /// Where no thread can be started.
    pub(crate) fn start(engines: Vec<Engine>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("policy-deadlines".into()).spawn(move || watch(&theirs, &engines))?;
        Ok(Self { _owner: Arc::new(Owner(Arc::clone(&shared))), shared })
    }

    /// To be called once the instance's own epoch deadline is set.
    pub(crate) fn watch(&self, deadline: Instant) -> Watch {
        let mut state = self.shared.lock();
        let entry = (deadline, state.next_id);
        state.next_id += 1;
        state.deadlines.insert(entry);
        let wake = state.asleep_until.is_none_or(|until| deadline < until);
        drop(state);
        if wake {
            self.shared.changed.notify_one();
        }
        Watch { shared: Arc::clone(&self.shared), entry }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.lock().deadlines.remove(&self.entry);
    }
}

/// How long an instance may go on that has missed its deadline by a hair.
const AGAIN: Duration = Duration::from_millis(1);

fn watch(shared: &Shared, engines: &[Engine]) {
    let mut state = shared.lock();
    while !state.closed {
        let now = Instant::now();
        let first = state.deadlines.first().map(|(deadline, _)| *deadline);
        let next = if first.is_some_and(|deadline| deadline <= now) {
            engines.iter().for_each(Engine::increment_epoch);
            // An instance that looked at its clock just before the deadline goes on to the next
            // epoch: it is called again until it is gone.
            Some(now + AGAIN)
        } else {
            first
        };
        state.asleep_until = next;
        state = match next {
            None => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let pause = deadline.saturating_duration_since(Instant::now());
                shared.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}
