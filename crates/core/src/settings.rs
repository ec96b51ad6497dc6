//! A policy's settings, read once, with errors that name the field, the value and what is allowed.

use crate::{fields::Fields, verdict::Action, words::shorten};

/// Hands out the fields of a settings object one by one, and in the end knows which nobody wanted.
///
/// ```
/// use upgrade_gate_core::{Action, SettingsReader};
///
/// let mut reader = SettingsReader::new(r#"{"onCreate": "block"}"#).unwrap();
/// let error = reader.action("onCreate", Action::Warn).unwrap_err();
/// assert_eq!(error.to_string(), "settings: `onCreate` is `block`; expected one of `deny`, `warn`, `dryrun`");
/// ```
#[derive(Clone, Debug)]
pub struct SettingsReader<'a> {
    fields: Fields<'a>,
    known: Vec<&'static str>,
}

/// Why settings are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The settings as a whole.
    #[error("settings: expected a JSON object with named fields")]
    NotAnObject,
    /// A field that has no such value.
    #[error("settings: `{field}` is `{value}`; expected one of {allowed}")]
    Value {
        /// Its name.
        field: &'static str,
        /// What it holds, shortened.
        value: String,
        /// What it may hold.
        allowed: &'static str,
    },
    /// A field that the policy does not have.
    #[error("settings: `{field}` is not known; {known}")]
    Unknown {
        /// Its name, shortened.
        field: String,
        /// The fields that the policy has, in words.
        known: String,
    },
}

impl<'a> SettingsReader<'a> {
    /// Takes the settings as JSON; `null` is an object without fields.
    ///
    /// # Errors
    /// [`SettingsError::NotAnObject`], also where it is not JSON.
    pub fn new(settings: &'a str) -> Result<Self, SettingsError> {
        let fields = if settings == "null" { Some(Fields::default()) } else { Fields::parse(settings) };
        Ok(Self { fields: fields.ok_or(SettingsError::NotAnObject)?, known: Vec::new() })
    }

    /// What admission does about a finding.
    ///
    /// # Errors
    /// [`SettingsError::Value`] where the field is there and not one of the three words.
    pub fn action(&mut self, field: &'static str, default: Action) -> Result<Action, SettingsError> {
        self.one_of(field, default, "`deny`, `warn`, `dryrun`", |value| match value {
            r#""deny""# => Some(Action::Deny),
            r#""warn""# => Some(Action::Warn),
            r#""dryrun""# => Some(Action::Dryrun),
            _ => None,
        })
    }

    /// Whether something is so.
    ///
    /// # Errors
    /// [`SettingsError::Value`] where the field is there and neither `true` nor `false`.
    pub fn flag(&mut self, field: &'static str, default: bool) -> Result<bool, SettingsError> {
        self.one_of(field, default, "`true`, `false`", |value| match value {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    fn one_of<T>(
        &mut self,
        field: &'static str,
        default: T,
        allowed: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Result<T, SettingsError> {
        self.known.push(field);
        let Some(value) = self.fields.raw(field) else { return Ok(default) };
        let value = value.get();
        parse(value).ok_or_else(|| SettingsError::Value { field, value: shorten(value.trim_matches('"'), 40), allowed })
    }

    /// To be called when every field has been asked for.
    ///
    /// # Errors
    /// [`SettingsError::Unknown`] for the first field that nobody asked for.
    pub fn finish(&self) -> Result<(), SettingsError> {
        let Some(field) = self.fields.names().find(|field| !self.known.contains(field)) else { return Ok(()) };
        let known: Vec<String> = self.known.iter().map(|name| format!("`{name}`")).collect();
        let known =
            if known.is_empty() { "there are none".into() } else { format!("expected one of {}", known.join(", ")) };
        Err(SettingsError::Unknown { field: shorten(field, 40), known })
    }
}
