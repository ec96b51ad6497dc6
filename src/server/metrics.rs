//! What Prometheus reads: policy-server's metrics under its names, and what it has none for.
//!
//! Source: kubewarden-controller 3460bb71, `crates/policy-server/src/metrics.rs`.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::text,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::Registry,
};

use crate::{
    error::Error,
    live::{Standing, Watched},
    policy_set::Loaded,
    server::queue::Queue,
};

/// Maximum number of series of one metric. Kinds and namespaces are the callers' words: beyond it they are left out.
/// It is the limit of OpenTelemetry's SDK, through which policy-server counts.
const MAX_SERIES: usize = 2_000;

/// Of `kubewarden_policy_evaluation_latency_milliseconds`: the default of OpenTelemetry's SDK.
const MILLISECONDS: [f64; 15] =
    [0., 5., 10., 25., 50., 75., 100., 250., 500., 750., 1_000., 2_500., 5_000., 7_500., 10_000.];

/// An evaluation takes microseconds, and is stopped after seconds.
const SECONDS: [f64; 13] =
    [0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1., 5.];

/// Labels that are not all the same in one metric.
type Series = Vec<(&'static str, String)>;
type Histograms = Family<Series, Histogram, fn() -> Histogram>;

/// What policy-server says about an evaluation.
pub(super) struct Labels {
    pub(super) policy_name: String,
    pub(super) policy_mode: &'static str,
    pub(super) resource_kind: Option<String>,
    pub(super) resource_namespace: Option<String>,
    pub(super) resource_request_operation: Option<String>,
    pub(super) accepted: bool,
    pub(super) mutated: bool,
    pub(super) request_origin: &'static str,
    pub(super) error_code: Option<u16>,
}

pub(super) struct Metrics {
    registry: Registry,
    evaluations: Family<Series, Counter>,
    /// Series of `evaluations`.
    series: AtomicUsize,
    milliseconds: Histograms,
    seconds: Histograms,
    refused: Family<Series, Counter>,
    memory: Family<Series, Gauge<i64, AtomicI64>>,
    waiting: Gauge,
    reading: Mutex<()>,
    objects: Family<Series, Gauge<i64, AtomicI64>>,
    age: Family<Series, Gauge<f64, AtomicU64>>,
}

impl Metrics {
    pub(super) fn new(policies: &BTreeMap<String, Result<Loaded, Error>>) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            evaluations: Family::default(),
            series: AtomicUsize::new(0),
            milliseconds: Family::new_with_constructor(|| Histogram::new(MILLISECONDS)),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            refused: Family::default(),
            memory: Family::default(),
            waiting: Gauge::default(),
            reading: Mutex::new(()),
            objects: Family::default(),
            age: Family::default(),
        };
        let failed = policies.values().filter(|policy| policy.is_err()).count();
        let registry = &mut metrics.registry;
        registry.register("kubewarden_policy_evaluations", "Answers of policies", metrics.evaluations.clone());
        let help = "How long policies took, in whole milliseconds";
        registry.register("kubewarden_policy_evaluation_latency_milliseconds", help, metrics.milliseconds.clone());
        registry.register("upgrade_gate_policy_evaluation_seconds", "How long policies took", metrics.seconds.clone());
        let help = "Requests that no policy answered";
        registry.register("upgrade_gate_requests_refused", help, metrics.refused.clone());
        let help = "The most linear memory that an evaluation of the policy had at its end";
        registry.register("upgrade_gate_policy_memory_bytes_max", help, metrics.memory.clone());
        registry.register("upgrade_gate_queue_depth", "Requests that wait for an evaluation", metrics.waiting.clone());
        registry.register("upgrade_gate_watched_objects", "Objects of a watched kind", metrics.objects.clone());
        let help = "Since the API server last confirmed that these are all objects of the kind";
        registry.register("upgrade_gate_watched_age_seconds", help, metrics.age.clone());
        let help = "Policies of the policies file that could not be loaded: their requests are rejected with code 500";
        let failed = ConstGauge::new(i64::try_from(failed).unwrap_or(i64::MAX));
        registry.register("upgrade_gate_policies_failed", help, failed);
        metrics
    }

    /// A policy answered, or failed to.
    pub(super) fn evaluated(&self, labels: Labels, took: Duration) {
        let policy = vec![("policy_name", labels.policy_name.clone())];
        self.seconds.get_or_create(&policy).observe(took.as_secs_f64());
        let series = self.bounded(labels);
        self.evaluations.get_or_create(&series).inc();
        let milliseconds = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        self.milliseconds.get_or_create(&series).observe(milliseconds.into());
    }

    /// A request to a policy that could not be loaded.
    pub(super) fn failed(&self, policy: &str, error: &str) {
        let series = vec![("policy_name", policy.into()), ("initialization_error", error.into())];
        self.evaluations.get_or_create(&series).inc();
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&vec![("reason", reason.into())]).inc();
    }

    pub(super) fn used_memory(&self, policy: &str, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let gauge = self.memory.get_or_create(&vec![("policy_name", policy.into())]);
        gauge.inner().fetch_max(bytes, Ordering::Relaxed);
    }

    /// As text, of the OpenMetrics format.
    ///
    /// # Errors
    /// None that a `String` has.
    pub(super) fn text(&self, queue: &Queue, watched: Option<&Watched>) -> Result<String, fmt::Error> {
        // Whoever else reads them waits: what is not there any more is left out.
        let _one = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        self.objects.clear();
        self.age.clear();
        for Standing { resource, objects, age, .. } in watched.iter().flat_map(|watched| watched.standings()) {
            if let Some(age) = age {
                let series = vec![("resource", resource)];
                self.objects.get_or_create(&series).set(i64::try_from(objects).unwrap_or(i64::MAX));
                self.age.get_or_create(&series).set(age.as_secs_f64());
            }
        }
        self.waiting.set(i64::try_from(queue.depth()).unwrap_or(i64::MAX));
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Two threads may count the same series twice: the limit is that near.
    fn bounded(&self, labels: Labels) -> Series {
        let series = labels.series();
        if self.evaluations.get(&series).is_some() {
            return series;
        }
        if self.series.fetch_add(1, Ordering::Relaxed) < MAX_SERIES {
            return series;
        }
        self.series.fetch_sub(1, Ordering::Relaxed);
        let (resource_kind, resource_namespace, resource_request_operation) = (None, None, None);
        Labels { resource_kind, resource_namespace, resource_request_operation, error_code: None, ..labels }.series()
    }
}

impl Labels {
    fn series(&self) -> Series {
        let mut series = vec![
            ("policy_name", self.policy_name.clone()),
            ("policy_mode", self.policy_mode.into()),
            ("accepted", self.accepted.to_string()),
            ("mutated", self.mutated.to_string()),
            ("request_origin", self.request_origin.into()),
        ];
        let optional = [
            ("resource_kind", self.resource_kind.clone()),
            ("resource_namespace", self.resource_namespace.clone()),
            ("resource_request_operation", self.resource_request_operation.clone()),
            ("error_code", self.error_code.map(|code| code.to_string())),
        ];
        series.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        series
    }
}
