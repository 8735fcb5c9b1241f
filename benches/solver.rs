//! How long runs take, by phase, and against the floor of the necessary products: `cargo bench`.

use dsf_explorer::Named;
use dsf_explorer::factorize::Preset;
use dsf_explorer::job::bench;

fn main() {
    for preset in [Preset::Published, Preset::Best] {
        for n in [256, 384] {
            for threads in [1, 2] {
                let measured = bench::measure(n, n, &preset.settings(), threads).expect("settings in their ranges");
                println!(
                    "{:9} {n}×{n}, {threads} threads: {:.3} s, {:.2} × the floor of {:.3} s at {:.0} GFLOP/s; error {:.4}",
                    preset.name(),
                    measured.seconds,
                    measured.ratio,
                    measured.floor_seconds,
                    measured.gemm_gflops,
                    measured.relative_error
                );
                for (phase, seconds) in &measured.phases {
                    println!("    {phase:10}{seconds:7.3} s {:4.0} %", 100.0 * seconds / measured.seconds);
                }
            }
        }
    }
}
