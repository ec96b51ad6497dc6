//! The compilers, and how many instances run at once.

use std::{
    num::NonZero,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

use crate::{deadline::Watchdog, error::LoadError, limits::Limits, policy::Policy};

/// More functions than any policy has: the table holds those that are called by pointer.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 100_000;

/// How much of an instance's memory the next one in its place gets as it is, in bytes, once it was made zero again: that
/// is cheaper than to give it back to the system and to fault it in. 4 MiB, four times what a policy uses.
const KEEP_RESIDENT: usize = 4 << 20;

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
    /// As many slots as there are cores.
    ///
    /// # Errors
    /// [`LoadError::Runtime`] where the machine has no compiler or no thread left.
    pub fn new(limits: Limits) -> Result<Self, LoadError> {
        Self::with_slots(limits, thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN))
    }

    /// So many evaluations at once.
    ///
    /// # Errors
    /// As [`Host::new`].
    pub fn with_slots(limits: Limits, slots: NonZero<usize>) -> Result<Self, LoadError> {
        let slots = slots.get();
        let cranelift = engine(Strategy::Cranelift, &limits, slots)?;
        let winch = engine(Strategy::Winch, &limits, slots).unwrap_or_else(|_| cranelift.clone());
        let watchdog = Watchdog::start(vec![cranelift.clone(), winch.clone()])
            .map_err(|error| LoadError::Runtime(error.to_string()))?;
        let slots = Arc::new(Slots {
            state: Mutex::new(SlotState { free: slots, waiting: 0 }),
            all: slots,
            changed: Condvar::new(),
        });
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

    /// How many evaluations run at once.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots.all
    }

    pub(crate) fn watchdog(&self) -> &Watchdog {
        &self.watchdog
    }

    /// Waits for a free slot.
    pub(crate) fn slot(&self) -> Slot<'_> {
        let mut state = self.slots.lock();
        while state.free == 0 {
            state.waiting += 1;
            state = self.slots.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        state.free -= 1;
        Slot(&self.slots)
    }
}

#[derive(Debug)]
struct Slots {
    state: Mutex<SlotState>,
    all: usize,
    changed: Condvar,
}

#[derive(Debug)]
struct SlotState {
    free: usize,
    /// Without any, nobody has to be woken, which would be a system call.
    waiting: usize,
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to run one instance.
pub(crate) struct Slot<'a>(&'a Slots);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.free += 1;
        if state.waiting > 0 {
            self.0.changed.notify_one();
        }
    }
}

/// With a pool of instances, so that a fresh one costs microseconds; without, where the machine
/// does not give away so much address space.
fn engine(strategy: Strategy, limits: &Limits, slots: usize) -> Result<Engine, LoadError> {
    let mut pool = PoolingAllocationConfig::default();
    let count = u32::try_from(slots).unwrap_or(u32::MAX);
    pool.total_core_instances(count).total_memories(count).total_tables(count).total_stacks(0);
    pool.max_memory_size(limits.memory_bytes).table_elements(MAX_TABLE_ELEMENTS);
    pool.max_unused_warm_slots(count).pagemap_scan(Enabled::Auto);
    pool.linear_memory_keep_resident(KEEP_RESIDENT).table_keep_resident(KEEP_RESIDENT);

    let mut config = Config::new();
    config.strategy(strategy).epoch_interruption(true);
    if strategy == Strategy::Cranelift {
        // Bounds are checked in code. Were it pages that are not accessible, each instance would have to make some so,
        // which interrupts all cores: a third of what a request to a server costs.
        config.signals_based_traps(false).memory_guard_size(0);
        config.memory_reservation(u64::try_from(limits.memory_bytes).unwrap_or(u64::MAX)).memory_may_move(false);
    }
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
        .or_else(|_| {
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            // Likewise, instead of by reserving 4 GiB for each memory.
            config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(1 << 20);
            config.memory_may_move(true);
            Engine::new(&config)
        })
        .map_err(|error| LoadError::Runtime(error.to_string()))
}
