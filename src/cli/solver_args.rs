//! Arguments of a run's settings.

use crate::Named;
use crate::factorize::{Preset, Setting, Settings};
use clap::{ArgMatches, Args, FromArgMatches};

/// A preset, and the single settings given, which override it.
pub struct Tuning {
    /// Preset that the settings started from.
    pub preset: Preset,
    /// The resulting settings.
    pub settings: Settings,
}

#[derive(Args)]
struct PresetArg {
    /// Where the settings start from; a single one given wins over it
    #[arg(long, value_enum, default_value = "published")]
    preset: Preset,
}

impl Args for Tuning {
    fn augment_args(command: clap::Command) -> clap::Command {
        Settings::augment_args(PresetArg::augment_args(command)).mut_args(|arg| {
            match arg.is_allow_negative_numbers_set() {
                // A negative number is a value out of range, which has its own message, and no flag.
                false if arg.get_long().is_some() => arg.allow_negative_numbers(true),
                _ => arg,
            }
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Tuning {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let preset = PresetArg::from_arg_matches(matches)?.preset;
        // Only what was given: a flag's default is for the help text.
        let given = Settings::from_arg_matches(matches)?;
        let mut settings = Settings { density: given.density, ..Settings::default() }.with_preset(preset);
        let is_given = |name: &str| matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine);
        for &setting in Setting::ALL.iter().filter(|setting| is_given(setting.name())) {
            settings.take(setting, &given);
        }
        Ok(Self { preset, settings })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
