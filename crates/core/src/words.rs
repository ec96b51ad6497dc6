//! How names and texts taken from objects are shown to people.

/// Shows what would not print, or would change how the rest is printed, as `\u{…}`: control
/// characters, and the invisible ones that hide text or turn its direction.
///
/// ```
/// assert_eq!(upgrade_gate_core::escape("disk\nfailure"), "disk\\u{a}failure");
/// assert_eq!(upgrade_gate_core::escape("Prüfung"), "Prüfung");
/// ```
#[must_use]
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        // Zero-width, bidirectional and blank characters: Unicode 16, Default_Ignorable_Code_Point,
        // and the rest of general category Cf that is no mark of a script.
        let hidden = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e01ef}'
            | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{fe00}'..='\u{fe0f}');
        if c.is_control() || hidden {
            shown += &format!("\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// [`escape`]d, and cut in the middle to at most `max` characters: names differ at their ends.
///
/// ```
/// assert_eq!(upgrade_gate_core::shorten("worker-1.example.com", 11), "worke…e.com");
/// assert_eq!(upgrade_gate_core::shorten("worker-1", 11), "worker-1");
/// ```
#[must_use]
pub fn shorten(text: &str, max: usize) -> String {
    // Escaping makes nothing shorter, so no more of the text is looked at: it may be megabytes.
    if text.chars().nth(max).is_none() {
        let text = escape(text);
        if text.chars().nth(max).is_none() {
            return text;
        }
    }
    let half = max.saturating_sub(1) / 2;
    let start: String = text.chars().take(half).collect();
    let start: String = escape(&start).chars().take(half).collect();
    let end: Vec<char> = text.chars().rev().take(half).collect();
    let end = escape(&end.into_iter().rev().collect::<String>());
    let end: String = end.chars().skip(end.chars().count() - half.min(end.chars().count())).collect();
    format!("{start}…{end}")
}

/// Names in a sentence: at most five, as many as fit into `max` characters, and how many more there are.
/// The first is always named, and shortened if need be. The names are [`escape`]d.
///
/// ```
/// use upgrade_gate_core::listed;
///
/// assert_eq!(listed(["nm-1", "nm-2"], 2, 50), "nm-1, nm-2");
/// assert_eq!(listed(["nm-1", "nm-2", "nm-3"], 7, 12), "nm-1, nm-2 and 5 more");
/// ```
pub fn listed<'n>(names: impl IntoIterator<Item = &'n str>, count: usize, max: usize) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut length = 0;
    for name in names.into_iter().take(MAX_LISTED) {
        let name = shorten(name, max);
        length += name.chars().count() + ", ".len();
        if !shown.is_empty() && length > max + ", ".len() {
            break;
        }
        shown.push(name);
    }
    let more = count - shown.len().min(count);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// So many names are in one sentence.
const MAX_LISTED: usize = 5;

/// A name as it can stand in a command that somebody copies: itself where it is a name that the API
/// server gives objects, else the placeholder. Nothing in it means something to a shell.
///
/// Source: Kubernetes, "Object Names and IDs", DNS subdomain names (RFC 1123).
///
/// ```
/// assert_eq!(upgrade_gate_core::argument("worker-1.example.com", "NODE"), "worker-1.example.com");
/// assert_eq!(upgrade_gate_core::argument("$(reboot)", "NODE"), "NODE");
/// ```
#[must_use]
pub fn argument<'n>(name: &'n str, placeholder: &'n str) -> &'n str {
    let is_safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let is_name = name.len() <= MAX_ARGUMENT && name.bytes().all(is_safe) && !name.starts_with(['-', '.']);
    if is_name && !name.is_empty() { name } else { placeholder }
}

/// Longer names make messages longer than clients show.
const MAX_ARGUMENT: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_invisible_is_left_and_nothing_is_longer_than_asked() {
        let hostile = "a\u{1b}[31m\u{202e}b\r\n\0\u{200b}";
        assert_eq!(escape(hostile), "a\\u{1b}[31m\\u{202e}b\\u{d}\\u{a}\\u{0}\\u{200b}");
        for max in 0..40 {
            assert!(shorten(hostile, max).chars().count() <= max.max(1), "{max}");
        }
    }
}
