//! The compilers, and how many instances run at once.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
};

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

use crate::{deadline::Watchdog, error::LoadError, limits::Limits, policy::Policy};

/// More functions than any policy has: the table holds those that are called by pointer.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 100_000;

/// What turns a module into machine code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// The optimising one, for modules that are run often and for all that come from elsewhere.
    Cranelift,
    /// The fast one, for one run of a module that we built; Cranelift where the machine has no Winch.
    Winch,
}

/// Compilers, limits and the watchdog. Made once; clones share everything.
#[derive(Clone, Debug)]
pub struct Host {
    cranelift: Engine,
    winch: Engine,
    pub(crate) limits: Limits,
    watchdog: Watchdog,
    slots: Arc<Slots>,
}

impl Host {
    /// # Errors
    /// [`LoadError::Runtime`] where the machine has no compiler or no thread left.
    pub fn new(limits: Limits) -> Result<Self, LoadError> {
        let slots = thread::available_parallelism().map_or(1, usize::from);
        let cranelift = engine(Strategy::Cranelift, &limits, slots)?;
        let winch = engine(Strategy::Winch, &limits, slots).unwrap_or_else(|_| cranelift.clone());
        let watchdog = Watchdog::start(vec![cranelift.clone(), winch.clone()])
            .map_err(|error| LoadError::Runtime(error.to_string()))?;
        let slots = Arc::new(Slots { free: Mutex::new(slots), all: slots, changed: Condvar::new() });
        Ok(Self { cranelift, winch, limits, watchdog, slots })
    }

    /// Compiles a module.
    ///
    /// # Errors
    /// [`LoadError`]: what the module is, or has, that cannot be run.
    pub fn load(&self, module: &[u8], compiler: Compiler) -> Result<Policy, LoadError> {
        let engine = match compiler {
            Compiler::Cranelift => &self.cranelift,
            Compiler::Winch => &self.winch,
        };
        Policy::load(self.clone(), engine, module)
    }

    /// What each evaluation may use.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// How many evaluations run at once: as many as there are cores.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots.all
    }

    pub(crate) fn watchdog(&self) -> &Watchdog {
        &self.watchdog
    }

    /// Waits for a free slot.
    pub(crate) fn slot(&self) -> Slot<'_> {
        let free = self.slots.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.slots.changed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Slot(&self.slots)
    }
}

#[derive(Debug)]
struct Slots {
    free: Mutex<usize>,
    all: usize,
    changed: Condvar,
}

/// The right to run one instance.
pub(crate) struct Slot<'a>(&'a Slots);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}

/// With a pool of instances, so that a fresh one costs microseconds; without, where the machine
/// does not give away so much address space.
fn engine(strategy: Strategy, limits: &Limits, slots: usize) -> Result<Engine, LoadError> {
    let mut pool = PoolingAllocationConfig::default();
    let count = u32::try_from(slots).unwrap_or(u32::MAX);
    pool.total_core_instances(count).total_memories(count).total_tables(count).total_stacks(0);
    pool.max_memory_size(limits.memory_bytes).table_elements(MAX_TABLE_ELEMENTS);
    pool.max_unused_warm_slots(count);

    let mut config = Config::new();
    config.strategy(strategy).epoch_interruption(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
        .or_else(|_| {
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            // Bounds are checked in code instead of by reserving 4 GiB for each memory.
            config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(1 << 20);
            Engine::new(&config)
        })
        .map_err(|error| LoadError::Runtime(error.to_string()))
}
