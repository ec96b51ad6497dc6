//! The cluster that an evaluation may ask, what is remembered of its answers, and records of them.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use upgrade_gate_core::{Answer, Cluster, GetQuery, ListQuery, NoCluster, ReadError};

use crate::{
    capabilities::{FAILURE, HostCall, Reply, denied, failure},
    session::{Exchange, Question},
};

/// The cluster that policies ask, with the lists that were asked for before: a list is serialised
/// once for each distinct question (by two threads at once, if both ask it first).
#[derive(Clone)]
pub struct Context {
    cluster: Arc<dyn Cluster + Send + Sync>,
    /// None where the cluster changes.
    lists: Option<Lists>,
    session: Option<Session>,
}

type Lists = Arc<Mutex<BTreeMap<ListQuery, Result<Answer, ReadError>>>>;

/// The exchanges of one evaluation.
#[derive(Clone)]
enum Session {
    Recording(Arc<Mutex<Record>>),
    Replaying(Arc<Mutex<VecDeque<Exchange>>>),
}

/// What was asked and answered so far.
#[derive(Default)]
struct Record {
    exchanges: Vec<Exchange>,
    /// Of questions and answers.
    bytes: usize,
}

/// So many distinct questions are remembered, and so many bytes of answers; a policy that makes up
/// more is answered all the same.
const MAX_REMEMBERED: (usize, usize) = (64, 64 << 20);

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}

impl Context {
    /// Answers from that cluster, which must not itself evaluate policies: it is asked while one
    /// holds a slot.
    #[must_use]
    pub fn new(cluster: Arc<dyn Cluster + Send + Sync>) -> Self {
        Self { cluster, lists: Some(Arc::default()), session: None }
    }

    /// The same of a cluster that changes: it is asked each time, and an answer is as fresh as it says.
    #[must_use]
    pub fn live(cluster: Arc<dyn Cluster + Send + Sync>) -> Self {
        Self { lists: None, ..Self::new(cluster) }
    }

    /// The same, and records what is asked and answered, for one evaluation: see [`Context::exchanges`].
    #[must_use]
    pub fn recording(cluster: Arc<dyn Cluster + Send + Sync>) -> Self {
        Self { session: Some(Session::Recording(Arc::default())), ..Self::new(cluster) }
    }

    /// Answers from a record, for one evaluation: in its order, and each question only as it was recorded.
    #[must_use]
    pub fn replaying(exchanges: Vec<Exchange>) -> Self {
        let exchanges = Arc::new(Mutex::new(exchanges.into()));
        Self { session: Some(Session::Replaying(exchanges)), ..Self::new(Arc::new(NoCluster)) }
    }

    /// What was recorded, or what of a record was not asked for.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        match &self.session {
            Some(Session::Recording(record)) => record.lock().unwrap_or_else(PoisonError::into_inner).exchanges.clone(),
            Some(Session::Replaying(exchanges)) => {
                exchanges.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
            }
            None => Vec::new(),
        }
    }

    pub(crate) fn get(&self, query: &GetQuery) -> Result<Answer, ReadError> {
        self.cluster.get(query)
    }

    pub(crate) fn list(&self, query: ListQuery) -> Result<Answer, ReadError> {
        let Some(lists) = &self.lists else { return self.cluster.list(&query) };
        let lists = || lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lists().get(&query) {
            return known.clone();
        }
        let answer = self.cluster.list(&query);
        let mut lists = lists();
        let size = |answer: &Result<Answer, ReadError>| answer.as_ref().map_or(0, |answer| answer.json.len());
        let remembered = size(&answer) + lists.values().map(size).sum::<usize>();
        let (questions, bytes) = MAX_REMEMBERED;
        if lists.len() < questions && remembered <= bytes {
            lists.insert(query, answer.clone());
        }
        answer
    }

    /// Answers a question from the record that is replayed, or else by `answer`, which is recorded if so wanted.
    pub(crate) fn reply(&self, call: &HostCall<'_>, answer: impl FnOnce() -> Reply) -> Reply {
        match &self.session {
            Some(Session::Replaying(exchanges)) => replay(call, exchanges),
            Some(Session::Recording(so_far)) => record(call, so_far, answer()),
            None => answer(),
        }
    }
}

/// So many bytes of questions and answers are recorded; a policy that asks for more gets an error, and so will whoever
/// replays it.
const MAX_RECORDED: usize = 256 << 20;

fn record(call: &HostCall<'_>, so_far: &Mutex<Record>, reply: Reply) -> Reply {
    let Some(question) = Question::of(call) else { return reply };
    let answer = match &reply {
        Reply::Answer { json, .. } => Ok(json.to_string()),
        Reply::Error { text } => Err(text.strip_prefix(FAILURE).unwrap_or(text).to_owned()),
        Reply::Refused { capability } => Err(denied(capability)),
        Reply::Logged => return reply,
    };
    let mut record = so_far.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = record.bytes + call.payload.len() + answer.as_ref().map_or_else(String::len, String::len);
    if bytes > MAX_RECORDED {
        return failure("the record of this session is full").into();
    }
    record.bytes = bytes;
    record.exchanges.push(Exchange { question, answer });
    reply
}

fn replay(call: &HostCall<'_>, exchanges: &Mutex<VecDeque<Exchange>>) -> Reply {
    let asked = Question::of(call);
    let recorded = exchanges.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let text = match (recorded, asked) {
        (Some(Exchange { question, answer }), Some(asked)) if question == asked => match answer {
            Ok(json) => return Reply::Answer { json: json.into(), incomplete: None },
            Err(text) => text,
        },
        (Some(Exchange { question, .. }), Some(asked)) => {
            format!("Replay error: unexpected request. Was expecting {question}, got {asked} instead")
        }
        (Some(_), None) => format!("unknown operation: {}", call.operation),
        (None, _) => "the list of recorded responses is empty".into(),
    };
    failure(&text).into()
}
