//! Budgets: the number of nonzeros, and its division between the two factors.

use super::{Error, Settings, Split};

/// Numbers of nonzeros that the two factors may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Budget z_a of the factor on W's smaller side, k×n: the first factor, unless an orientation is set.
    pub first: usize,
    /// Budget z_b of the other factor.
    pub second: usize,
}

impl Budget {
    /// The budget for W `rows`×`cols`: z = ⌊density·rows·cols⌋ in all and z_a = ⌊factor density·n²⌋ with n = min(rows,
    /// cols).
    ///
    /// The default factor density follows the split, but never exceeds half of z. Nonzeros that do not fit into one
    /// factor go to the other.
    pub fn new(rows: usize, cols: usize, settings: &Settings) -> Result<Self, Error> {
        let (n, entries) = (rows.min(cols), rows * cols);
        let density = settings.density;
        let total = share(density, entries);
        if total < 2 {
            return Err(Error::NoRoom { density, nonzeros: total, rows, cols });
        }
        let k = settings.inner_dim(rows, cols);
        let places = (k * n, k * rows.max(cols));
        if total > places.0 + places.1 {
            return Err(Error::NoPlaces { density, nonzeros: total, inner_dim: k, places: places.0 + places.1 });
        }
        let first = match settings.factor_density {
            Some(factor_density) => {
                let first = share(factor_density, n * n);
                if first == 0 || first >= total {
                    return Err(Error::EmptyFactor { factor_density, first, total });
                }
                first
            }
            None => {
                let first = match settings.split {
                    _ if settings.fixed_mask => share(fixed_density(rows, cols), n * n),
                    Split::Paper => share(Self::default_factor_density(rows, cols), n * n),
                    Split::Vision => share((density / 2.0).max(0.16), n * n),
                    Split::Balanced | Split::Auto => share(balanced(rows, cols, density), total),
                };
                first.clamp(1, total / 2)
            }
        };
        let first = first.clamp(total.saturating_sub(places.1), places.0);
        Ok(Self { first, second: total - first })
    }

    /// The paper's factor density for language models: 0.16 for a square W, else 0.25.
    pub fn default_factor_density(rows: usize, cols: usize) -> f64 {
        if rows == cols { 0.16 } else { 0.25 }
    }

    /// Budget z of both factors together.
    pub fn total(&self) -> usize {
        self.first + self.second
    }

    /// Whether the paper's split exceeds half of the budget for W `rows`×`cols`, and is reduced to that.
    pub fn split_was_cut(&self, rows: usize, cols: usize, settings: &Settings) -> bool {
        let n = rows.min(cols);
        settings.factor_density.is_none()
            && !settings.fixed_mask
            && settings.split == Split::Paper
            && self.first < share(Self::default_factor_density(rows, cols), n * n)
    }
}

/// Density of the published code's fixed mask, at least that of a diagonal.
fn fixed_density(rows: usize, cols: usize) -> f64 {
    let density = if rows == cols { 0.1 } else { 0.2 };
    f64::max(density, 1.0 / rows.min(cols) as f64)
}

/// First factor's share of all nonzeros that suits the annealed schedules best (by experiment).
fn balanced(rows: usize, cols: usize, density: f64) -> f64 {
    let longer = rows.max(cols) as f64 / rows.min(cols) as f64;
    (0.5 - 0.125 * longer.log(4.0) * (density / 0.25).clamp(1.0, 2.0)).max(0.1)
}

/// ⌊density·entries⌋ for the decimal number that was meant: 0.29·100 is 28.999999999999996 in f64, and 29 here.
pub(crate) fn share(density: f64, entries: usize) -> usize {
    (density * entries as f64 * (1.0 + 4.0 * f64::EPSILON)).floor() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(rows: usize, cols: usize, density: f64, factor_density: Option<f64>) -> Result<Budget, Error> {
        Budget::new(rows, cols, &Settings { density, factor_density, ..Settings::default() })
    }

    #[test]
    fn the_papers_rules() {
        // 256²·0.5 = 32768, of which 256²·0.16 = 10485.76.
        assert_eq!(budget(256, 256, 0.5, None), Ok(Budget { first: 10485, second: 32768 - 10485 }));
        // The published code's split at 25 %, which is beyond half, has to be asked for.
        assert_eq!(budget(256, 256, 0.25, Some(0.16)), Ok(Budget { first: 10485, second: 16384 - 10485 }));
        // 1536·384·0.25 = 147456, of which 384²·0.25 = 36864.
        assert_eq!(budget(1536, 384, 0.25, None), Ok(Budget { first: 36864, second: 147_456 - 36864 }));
        assert_eq!(budget(384, 1536, 0.25, None), budget(1536, 384, 0.25, None));
    }

    /// Of ResNet-20's convolutions 32×288 at 20 and 50 %: 0.16·32² and 0.25·32².
    #[test]
    fn the_published_split_of_convolutions() {
        let of = |density| {
            let settings = Settings { density, split: Split::Vision, ..Settings::default() };
            Budget::new(32, 288, &settings).unwrap()
        };
        assert_eq!(of(0.2), Budget { first: 163, second: 1843 - 163 });
        assert_eq!(of(0.5), Budget { first: 256, second: 4608 - 256 });
    }

    #[test]
    fn the_default_split_gives_way_at_low_density() {
        let settings = Settings { density: 0.1, ..Settings::default() };
        let budget = Budget::new(256, 256, &settings).unwrap();
        assert_eq!(budget, Budget { first: 3276, second: 3277 });
        assert!(budget.split_was_cut(256, 256, &settings));
        let settings = Settings { density: 0.5, ..settings };
        assert!(!Budget::new(256, 256, &settings).unwrap().split_was_cut(256, 256, &settings));
    }

    #[test]
    fn a_decimal_density_is_meant_as_written() {
        assert_eq!(budget(10, 10, 0.29, None).unwrap().total(), 29);
        assert_eq!(budget(100, 100, 0.57, None).unwrap().total(), 5700);
        assert_eq!(budget(3, 3, 0.3, None).unwrap().total(), 2);
    }

    #[test]
    fn too_little_for_two_factors_is_refused() {
        assert!(matches!(budget(4, 4, 0.1, None), Err(Error::NoRoom { nonzeros: 1, .. })));
        assert!(matches!(budget(1, 1, 1.0, None), Err(Error::NoRoom { nonzeros: 1, .. })));
        assert!(matches!(budget(8, 8, 0.25, Some(0.25)), Err(Error::EmptyFactor { first: 16, total: 16, .. })));
        assert!(matches!(budget(8, 8, 0.25, Some(0.001)), Err(Error::EmptyFactor { first: 0, .. })));
    }

    #[test]
    fn what_has_no_place_in_one_factor_goes_to_the_other() {
        let with = |rows, cols, density, expansion| {
            Budget::new(rows, cols, &Settings { density, expansion, split: Split::Balanced, ..Settings::default() })
        };
        // 16·1024·0.5 = 8192, a tenth of it for A 16×32, which has 512 places.
        assert_eq!(with(16, 1024, 0.5, 2.0), Ok(Budget { first: 512, second: 8192 - 512 }));
        // 70·70·0.9 = 4410, and 35·70 = 2450 places each.
        assert_eq!(with(70, 70, 0.9, 0.5), Ok(Budget { first: 2205, second: 2205 }));
        assert!(matches!(with(70, 70, 1.0, 0.4), Err(Error::NoPlaces { nonzeros: 4900, places: 3920, .. })));
    }

    #[test]
    fn the_smallest_matrices() {
        assert_eq!(budget(1, 2, 1.0, None), Ok(Budget { first: 1, second: 1 }));
        assert_eq!(budget(2, 2, 1.0, Some(0.25)), Ok(Budget { first: 1, second: 3 }));
    }
}
