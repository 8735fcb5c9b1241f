//! The options of a command, for who calls it with values instead of words.

use clap::ArgAction;
use clap::builder::ValueParser;
use serde::Serialize;
use std::any::TypeId;
use std::path::PathBuf;

/// An option of a command.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CommandOption {
    /// Its name, with underscores.
    pub name: String,
    /// Its flag, with hyphens; `None` of what is given by its place.
    pub flag: Option<String>,
    /// What it takes.
    pub kind: OptionKind,
    /// Type of a value.
    pub value: ValueType,
    /// The values it takes, where they are a list.
    pub values: Vec<String>,
    /// Help text.
    pub help: String,
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionKind {
    /// Nothing: given, it says yes.
    Yes,
    /// Nothing: given, it says no.
    No,
    /// One value.
    One,
    /// A value, or none.
    Optional,
    /// Any number of values.
    Several,
}

/// Type of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A file or folder.
    Path,
    /// Text.
    Str,
}

impl CommandOption {
    /// The option of an argument; `None` of clap's own.
    pub(super) fn of(argument: &clap::Arg) -> Option<Self> {
        let takes_several = argument.get_num_args().is_some_and(|range| range.max_values() > 1);
        let kind = match argument.get_action() {
            ArgAction::SetTrue => OptionKind::Yes,
            ArgAction::SetFalse => OptionKind::No,
            ArgAction::Append => OptionKind::Several,
            ArgAction::Set if takes_several => OptionKind::Several,
            ArgAction::Set if argument.get_num_args().is_some_and(|range| range.min_values() == 0) => {
                OptionKind::Optional
            }
            ArgAction::Set => OptionKind::One,
            _ => return None,
        };
        let values = argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        Some(Self {
            name: argument.get_id().as_str().to_owned(),
            flag: argument.get_long().map(str::to_owned),
            kind,
            value: ValueType::of(argument.get_value_parser()),
            values,
            help: argument.get_help().map(|help| help.to_string()).unwrap_or_default(),
        })
    }
}

impl ValueType {
    fn of(parser: &ValueParser) -> Self {
        let parsed = parser.type_id();
        let is_one_of = |types: &[TypeId]| types.iter().any(|one| parsed == *one);
        if is_one_of(&[TypeId::of::<bool>()]) {
            Self::Bool
        } else if is_one_of(&[TypeId::of::<f64>(), TypeId::of::<f32>()]) {
            Self::Float
        } else if is_one_of(&[
            TypeId::of::<usize>(),
            TypeId::of::<u64>(),
            TypeId::of::<u32>(),
            TypeId::of::<std::num::NonZeroUsize>(),
        ]) {
            Self::Int
        } else if is_one_of(&[TypeId::of::<PathBuf>()]) {
            Self::Path
        } else {
            Self::Str
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::options;
    use super::{OptionKind, ValueType};

    #[test]
    fn a_commands_options_are_known() {
        let options = options("compress").unwrap();
        let of = |name: &str| {
            let option = options.iter().find(|option| option.name == name).unwrap();
            (option.flag.as_deref(), option.kind, option.value)
        };
        assert_eq!(of("density"), (Some("density"), OptionKind::One, ValueType::Float));
        assert_eq!(of("warm_start"), (Some("no-warm-start"), OptionKind::No, ValueType::Bool));
        assert_eq!(of("exact"), (Some("exact"), OptionKind::Optional, ValueType::Bool));
        assert_eq!(of("blockwise"), (Some("blockwise"), OptionKind::Yes, ValueType::Bool));
        assert_eq!(of("parallel"), (Some("parallel"), OptionKind::Optional, ValueType::Str));
        assert_eq!(of("layout").1, OptionKind::Several);
        assert_eq!(of("out"), (Some("out"), OptionKind::One, ValueType::Path));
        assert_eq!(of("threads"), (Some("threads"), OptionKind::One, ValueType::Int));
        assert_eq!(of("model").0, None);
        assert!(super::super::options("nonsense").is_none());
    }
}
