//! One setting as a person types it: `0.3`, `30 %`, `cubic`, `on`, `none`.

use crate::Named;
use crate::factorize::{self, Setting, Settings};
use serde_json::{Value, json};

/// Why a setting cannot be what was typed.
#[derive(Debug, thiserror::Error)]
pub enum TypedSettingError {
    /// Not a value of its kind.
    #[error("it cannot be {0}")]
    NotAValue(String),
    /// A value outside its range.
    #[error(transparent)]
    Range(#[from] factorize::Error),
}

/// The settings with this one set to what was typed.
pub fn with_typed(settings: &Settings, setting: Setting, text: &str) -> Result<Settings, TypedSettingError> {
    let text = text.trim().to_lowercase();
    let mut all = json!(settings);
    let place = &mut all[setting.name()];
    *place = match place {
        // Zero and one are numbers, except where the choice is between two.
        Value::Bool(_) => switch(&text).map_or_else(|| typed(&text), Value::Bool),
        // A name: one schedule is called `none`.
        Value::String(_) => json!(text),
        _ => typed(&text),
    };
    let changed: Settings = serde_json::from_value(all).map_err(|_| TypedSettingError::NotAValue(text))?;
    changed.check()?;
    Ok(changed)
}

fn typed(text: &str) -> Value {
    let share = text.strip_suffix('%').and_then(|percent| percent.trim().parse::<f64>().ok());
    match (share, text.parse::<u64>(), text.parse::<f64>()) {
        (Some(percent), ..) => json!(percent / 100.0),
        (_, Ok(whole), _) => json!(whole),
        (.., Ok(number)) => json!(number),
        _ if text == "none" => Value::Null,
        _ => json!(text),
    }
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "on" | "yes" | "true" | "1" => Some(true),
        "off" | "no" | "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factorize::Schedule;

    #[test]
    fn what_is_typed_is_set() {
        let settings = Settings::default();
        let with = |setting, text: &str| with_typed(&settings, setting, text);
        assert_eq!(with(Setting::Density, "0.3").unwrap().density, 0.3);
        assert_eq!(with(Setting::Density, "30 %").unwrap().density, 0.3);
        assert_eq!(with(Setting::Outer, "7").unwrap().outer, 7);
        assert_eq!(with(Setting::Schedule, "Linear").unwrap().schedule, Schedule::Linear);
        // The schedule that is called none is not the absence of one.
        assert_eq!(with(Setting::Schedule, "none").unwrap().schedule, Schedule::None);
        assert!(!with(Setting::WarmStart, "off").unwrap().warm_start);
        assert_eq!(with(Setting::FactorDensity, "0.1").unwrap().factor_density, Some(0.1));
        assert_eq!(with(Setting::FactorDensity, "none").unwrap().factor_density, None);
        assert!(with(Setting::Density, "7").unwrap_err().to_string().contains("density"));
        assert!(with(Setting::Outer, "many").unwrap_err().to_string().contains("many"));
    }
}
