//! How values are tuned: one struct for the command line's flags, saved work and the window.

use super::Error;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// The settings of a tuning.
///
/// Each field's first line is its help text on the command line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default)]
pub struct Settings {
    /// Steps, each on one batch [default: 200]
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    pub steps: Option<usize>,

    /// Passes over the text or the images, in place of a number of steps
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub epochs: Option<f64>,

    /// Learning rate at its peak [default: 0.0005 with adamw, 0.05 with sgd, and a quarter of it where values get worse than
    /// untuned; 0.01 with sgd of a residual network]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,

    /// How the learning rate falls after the warm-up
    #[arg(long, value_enum, default_value = "linear")]
    pub decay: Decay,

    /// Steps in which the learning rate rises to its peak [default: 3 % of all, none of a residual network]
    #[arg(long, value_name = "N")]
    pub warm_up: Option<usize>,

    /// Windows of a step; of a residual network images, 128 unless it is given
    #[arg(long, value_name = "N", default_value = "16")]
    pub batch: usize,

    /// Tokens of a window, of which the first is not predicted [default: 256, or as many as the model has positions]
    #[arg(long, value_name = "N")]
    pub context: Option<usize>,

    /// What makes a step of a gradient; of a residual network sgd unless it is given
    #[arg(long, value_enum, default_value = "adamw")]
    pub optimizer: OptimizerKind,

    /// What of the weights is taken off in each step, times the learning rate; norms and biases are left alone
    /// [default: 0.01 with adamw, 0.0001 with sgd]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub weight_decay: Option<f64>,

    /// Nesterov momentum of sgd
    #[arg(long, value_name = "SHARE", default_value = "0.9", allow_negative_numbers = true)]
    pub momentum: f64,

    /// How slowly adamw's mean of the gradients follows them
    #[arg(long, value_name = "SHARE", default_value = "0.9", allow_negative_numbers = true)]
    pub beta1: f64,

    /// How slowly adamw's mean of their squares follows them
    #[arg(long, value_name = "SHARE", default_value = "0.999", allow_negative_numbers = true)]
    pub beta2: f64,

    /// Norm of all gradients together above which they are scaled down to it; 0 never does, as of a residual network unless
    /// it is given
    #[arg(long, value_name = "NORM", default_value = "1", allow_negative_numbers = true)]
    pub clip: f64,

    /// What is trained; of a residual network values+norms unless it is given
    #[arg(long, value_enum, default_value = "values")]
    pub train: Train,

    /// Steps from one held-out loss to the next [default: a tenth of all]
    #[arg(long, value_name = "N")]
    pub every: Option<usize>,

    /// Held-out losses without a better one after which it ends [default: it goes on to the last step]
    #[arg(long, value_name = "N")]
    pub patience: Option<usize>,

    /// Of the order of the windows or images, and of the built-in models' stories and pictures
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,

    /// What is learned from another model
    #[arg(skip)]
    pub distill: Distill,
}

/// How the learning rate falls from its peak after the warm-up.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Decay {
    /// In a line to 0 at the end.
    #[default]
    Linear,
    /// As half a cosine to 0 at the end.
    Cosine,
    /// Not at all.
    Constant,
}

/// What makes a step of a gradient.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    #[default]
    #[value(name = "adamw")]
    AdamW,
    /// Gradient descent with Nesterov momentum, as the paper trains residual networks.
    Sgd,
}

/// What is trained.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Train {
    /// The kept values of the compressed layers.
    #[default]
    Values,
    /// These, norms and biases.
    #[value(name = "values+norms")]
    #[serde(rename = "values+norms")]
    #[strum(serialize = "values+norms")]
    ValuesAndNorms,
    /// These, routers, embedding, positions and output layer: everything but layers that are dense; of networks for images these
    /// too.
    All,
}

/// What is learned from another model.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Distill {
    /// Nothing: the next tokens of the text are learned.
    #[default]
    None,
    /// Its distribution of the next token.
    Logits,
    /// What each of its blocks gives.
    Blocks,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            steps: None,
            epochs: None,
            learning_rate: None,
            decay: Decay::Linear,
            warm_up: None,
            batch: 16,
            context: None,
            optimizer: OptimizerKind::AdamW,
            weight_decay: None,
            momentum: 0.9,
            beta1: 0.9,
            beta2: 0.999,
            clip: 1.0,
            train: Train::Values,
            every: None,
            patience: None,
            seed: 0,
            distill: Distill::None,
        }
    }
}

impl Settings {
    /// Steps without a number of steps or epochs.
    pub const STEPS: usize = 200;

    /// Those that vision models begin with: as the paper tunes residual networks, with norms and biases.
    pub fn for_vision() -> Self {
        Self {
            learning_rate: Some(0.01),
            warm_up: Some(0),
            batch: 128,
            optimizer: OptimizerKind::Sgd,
            clip: 0.0,
            train: Train::ValuesAndNorms,
            ..Self::default()
        }
    }

    /// Learning rate at its peak.
    pub fn peak(&self) -> f64 {
        self.learning_rate.unwrap_or(match self.optimizer {
            OptimizerKind::AdamW => 5e-4,
            OptimizerKind::Sgd => 0.05,
        })
    }

    /// What of the weights is taken off in each step, times the learning rate.
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(match self.optimizer {
            OptimizerKind::AdamW => 0.01,
            OptimizerKind::Sgd => 1e-4,
        })
    }

    /// Number of steps on a text of so many windows; `None` for one without an end.
    pub fn steps_on(&self, windows: Option<usize>) -> Result<usize, Error> {
        match (self.steps, self.epochs, windows) {
            (Some(_), Some(_), _) => Err(Error::StepsAndEpochs),
            (None, Some(_), None) => Err(Error::NoEpochs),
            (None, Some(epochs), Some(windows)) => {
                Ok(((epochs * windows as f64 / self.batch as f64).ceil() as usize).max(1))
            }
            (steps, None, _) => Ok(steps.unwrap_or(Self::STEPS)),
        }
    }

    /// Steps of the warm-up, of so many in all.
    pub fn warm_up_of(&self, steps: usize) -> usize {
        self.warm_up.unwrap_or((3 * steps).div_ceil(100))
    }

    /// Steps from one held-out loss to the next, of so many in all.
    pub fn every_of(&self, steps: usize) -> usize {
        self.every.unwrap_or(steps.div_ceil(10)).max(1)
    }

    /// Tokens of a window, for a model with at most so many positions.
    pub fn context_of(&self, positions: Option<usize>) -> usize {
        self.context.unwrap_or(positions.map_or(256, |positions| positions.min(256)))
    }

    /// Checks every range; says which setting is outside its own.
    pub fn check(&self) -> Result<(), Error> {
        const COUNT: &str = "from 1 to 100000000";
        const SHARE: &str = "at least 0 and below 1";
        let check = |name: &'static str, value: String, inside: bool, range: &'static str| match inside {
            true => Ok(()),
            false => Err(Error::Setting { name, value, range }),
        };
        let count = |name, value: Option<usize>| match value {
            Some(value) => check(name, value.to_string(), (1..=100_000_000).contains(&value), COUNT),
            None => Ok(()),
        };
        let number =
            |name, value: f64, most: f64, range| check(name, value.to_string(), (0.0..=most).contains(&value), range);
        let share = |name, value: f64| check(name, value.to_string(), (0.0..1.0).contains(&value), SHARE);
        if self.steps.is_some() && self.epochs.is_some() {
            return Err(Error::StepsAndEpochs);
        }
        count("steps", self.steps)?;
        if let Some(epochs) = self.epochs {
            let inside = epochs > 0.0 && epochs <= 1e6;
            check("epochs", epochs.to_string(), inside, "above 0 and at most 1e6")?;
        }
        number("learning rate", self.peak(), 100.0, "from 0 to 100")?;
        // So many tokens no machine holds the streams of; the product cannot overflow either.
        const TOKENS: usize = 1 << 24;
        let inside = (1..=TOKENS / self.context.unwrap_or(256).max(1)).contains(&self.batch);
        check(
            "batch",
            self.batch.to_string(),
            inside,
            "at least 1, and at most 16777216 tokens or 65536 images a step",
        )?;
        if let Some(context) = self.context {
            check("context", context.to_string(), (2..=1 << 24).contains(&context), "from 2 to 16777216")?;
        }
        number("weight decay", self.weight_decay(), 1e3, "from 0 to 1000")?;
        share("momentum", self.momentum)?;
        share("beta1", self.beta1)?;
        share("beta2", self.beta2)?;
        number("clip", self.clip, 1e9, "from 0 to 1e9")?;
        count("every", self.every)?;
        count("patience", self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_is_checked() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.check().map_err(|error| error.to_string())
        };
        assert_eq!(with(|_| ()), Ok(()));
        assert_eq!(
            with(|s| s.batch = 0),
            Err("batch is 0: it must be at least 1, and at most 16777216 tokens or 65536 images a step".into())
        );
        assert!(with(|s| s.batch = 100_000_000).is_err());
        assert!(with(|s| (s.batch, s.context) = (1 << 13, Some(1 << 12))).is_err());
        assert!(with(|s| s.learning_rate = Some(f64::NAN)).is_err());
        assert!(with(|s| s.learning_rate = Some(-1e-3)).is_err());
        assert_eq!(with(|s| s.learning_rate = Some(0.0)), Ok(()), "0 changes nothing, and is allowed");
        assert!(with(|s| s.beta2 = 1.0).is_err());
        assert!(with(|s| s.momentum = f64::INFINITY).is_err());
        assert!(with(|s| s.clip = -1.0).is_err());
        assert!(with(|s| s.weight_decay = Some(f64::NAN)).is_err());
        assert!(with(|s| s.context = Some(1)).is_err());
        assert!(with(|s| s.epochs = Some(0.0)).is_err());
        assert!(with(|s| (s.steps, s.epochs) = (Some(1), Some(1.0))).is_err());
    }

    #[test]
    fn steps_follow_from_epochs() {
        let epochs = Settings { epochs: Some(1.5), batch: 4, ..Settings::default() };
        // 1.5 · 9 / 4 = 3.4
        assert_eq!(epochs.steps_on(Some(9)).unwrap(), 4);
        assert!(matches!(epochs.steps_on(None), Err(Error::NoEpochs)));
        assert_eq!(Settings::default().steps_on(None).unwrap(), Settings::STEPS);
        assert_eq!((Settings::default().warm_up_of(200), Settings::default().every_of(200)), (6, 20));
        assert_eq!([None, Some(64), Some(512)].map(|positions| epochs.context_of(positions)), [256, 64, 256]);
    }

    /// The flags' defaults are those of the struct.
    #[test]
    fn the_flags_defaults_are_the_settings() {
        use clap::{Args, FromArgMatches};
        let matches = Settings::augment_args(clap::Command::new("x")).get_matches_from(["x"]);
        assert_eq!(Settings::from_arg_matches(&matches).unwrap(), Settings::default());
        let matches = Settings::augment_args(clap::Command::new("x"));
        let matches = matches.get_matches_from(["x", "--train", "values+norms", "--optimizer", "adamw"]);
        assert_eq!(Settings::from_arg_matches(&matches).unwrap().train, Train::ValuesAndNorms);
    }
}
