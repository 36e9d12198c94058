//! Figures: measured several times in one run, compared with a named peer, shown as a table and kept as JSON.

use std::{
    env, fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// The noise limit: a figure with a larger distance between its quartiles, in parts of the median, is marked as noisy.
const NOISE: f64 = 0.15;

/// The figures of one benchmark.
pub struct Figures {
    name: &'static str,
    rows: Vec<Value>,
}

/// A sample: several measurements of one thing.
#[derive(Clone, Debug)]
pub struct Sample(Vec<f64>);

/// A bar: the budget of the design for exactly the measured size. A figure without a budget gets no invented bar.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// The figure is at most this.
    Most(f64),
    /// The figure is at least this.
    Least(f64),
}

impl Sample {
    /// The median.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The quantile: the value below which this part of the measurements lies.
    pub fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * part).round() as usize]
    }

    /// The spread: the distance between the quartiles in parts of the median.
    pub fn spread(&self) -> f64 {
        (self.quantile(0.75) - self.quantile(0.25)) / self.median()
    }

    /// The ratio of each measurement to its neighbour in `other`, taken at the same time.
    pub fn ratio(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(ours, theirs)| ours / theirs).collect())
    }

    /// Maps each measurement.
    pub fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        Self(self.0.iter().copied().map(change).collect())
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<T: IntoIterator<Item = f64>>(measurements: T) -> Self {
        Self(measurements.into_iter().collect())
    }
}

impl From<f64> for Sample {
    fn from(counted: f64) -> Self {
        Self(vec![counted])
    }
}

impl Figures {
    /// The figures of the benchmark `name`.
    pub fn of(name: &'static str) -> Self {
        Self { name, rows: Vec::new() }
    }

    /// Adds a plain figure: an amount and its unit.
    pub fn plain(&mut self, what: impl Into<String>, sample: &Sample, unit: &str) {
        self.row(what.into(), sample, unit, None, None);
    }

    /// Adds a figure with a bar of its own.
    pub fn barred(&mut self, what: impl Into<String>, sample: &Sample, unit: &str, bar: Bar) {
        self.row(what.into(), sample, unit, None, Some(bar));
    }

    /// Adds a ratio: ours by theirs, which `against` names.
    pub fn ratio(&mut self, what: impl Into<String>, ratio: &Sample, against: &str, bar: Option<Bar>) {
        self.row(what.into(), ratio, "×", Some(against), bar);
    }

    fn row(&mut self, what: String, sample: &Sample, unit: &str, against: Option<&str>, bar: Option<Bar>) {
        let median = sample.median();
        let (budget, met) = match bar {
            None => (None, None),
            Some(Bar::Most(most)) => (Some(format!("≤ {}", shown(most))), Some(median <= most)),
            Some(Bar::Least(least)) => (Some(format!("≥ {}", shown(least))), Some(median >= least)),
        };
        self.rows.push(json!({
            "what": what, "figure": median, "shown": shown(median), "unit": unit, "against": against, "budget": budget,
            "met": met, "runs": sample.0.len(), "spread": sample.spread(), "noisy": sample.spread() > NOISE,
        }));
    }

    /// Shows the table on standard output, and keeps it as `NAME.json` in the folder that `HABEAS_FIGURES` names.
    #[expect(clippy::print_stdout, reason = "a benchmark is there to be read")]
    pub fn show(self) {
        println!("\n{}", self.name);
        for row in &self.rows {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            let met = match row["met"].as_bool() {
                None => String::new(),
                Some(met) => format!("  {} {}", text("budget"), if met { "met" } else { "NOT MET" }),
            };
            let against = row["against"].as_str().map(|against| format!(" ÷ {against}")).unwrap_or_default();
            let noise = match row["noisy"] == true {
                true => format!("  (noisy: ±{:.0} %)", row["spread"].as_f64().unwrap_or_default() * 50.0),
                false => String::new(),
            };
            println!("  {:<72} {:>10} {:<4}{met}{noise}", text("what") + &against, text("shown"), text("unit"));
        }
        if let Some(folder) = env::var_os("HABEAS_FIGURES").map(PathBuf::from) {
            let file = folder.join(format!("{}.json", self.name));
            let json = json!({ "name": self.name, "rows": self.rows });
            fs::write(file, format!("{json:#}\n")).expect("the folder for the figures can be written");
        }
    }
}

/// The figure as it is shown: three significant digits, or a whole number.
fn shown(figure: f64) -> String {
    match figure.abs() {
        whole if whole >= 1000.0 || whole.fract() == 0.0 => format!("{figure:.0}"),
        100.0.. => format!("{figure:.0}"),
        10.0.. => format!("{figure:.1}"),
        1.0.. => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}

/// The result of `action`, and the time it took in seconds.
pub fn timed<T>(action: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let value = std::hint::black_box(action());
    (value, seconds(start.elapsed()))
}

/// A duration in seconds.
pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
