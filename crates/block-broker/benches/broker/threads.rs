//! Compares two threads with one, on two VFs and on one.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use spin::mutex::SpinMutex;

use crate::devices::{NOW, device, registers, table};
use crate::measure::median;

/// How many operations `operation` does in a while, summed over one thread for each of `vfs`.
fn throughput(vfs: &[u16], operation: &(dyn Fn(u16) + Sync)) -> f64 {
    const WHILE: Duration = Duration::from_millis(20);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = vfs
            .iter()
            .map(|vf| {
                scope.spawn(|| {
                    let (begin, mut done) = (Instant::now(), 0_u32);
                    while !over.load(Ordering::Relaxed) {
                        for _ in 0..64 {
                            operation(*vf);
                        }
                        done += 64;
                    }
                    f64::from(done) / begin.elapsed().as_secs_f64()
                })
            })
            .collect();
        std::thread::sleep(WHILE);
        over.store(true, Ordering::Relaxed);
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    })
}

/// A spin lock on cache lines of its own, for what two threads can do at best on this machine.
#[repr(align(128))]
struct Lock(SpinMutex<[u8; 128]>);

pub(crate) fn threads() {
    let device = device(table(&registers(64, [0])), 64);
    let locks: Vec<_> = (0..64).map(|_| Lock(SpinMutex::new([7; 128]))).collect();
    let control = |vf| *black_box(&mut [0; 128]) = *locks[usize::from(vf)].0.lock();
    let read = |vf| {
        let mut reply = [0; 128];
        device
            .read(vf, 0, 128, black_box(&mut reply), NOW)
            .without_waiters()
            .unwrap();
    };
    let write = |vf| {
        device
            .write(vf, 0, 128, black_box(&[9; 128]), NOW)
            .without_waiters()
            .unwrap();
    };
    let rows: [(&str, &(dyn Fn(u16) + Sync)); 3] = [
        ("spin lock + copy, what the machine gives", &control),
        ("broker: reads", &read),
        ("broker: writes", &write),
    ];
    println!(
        "\nTwo threads against one (aim: two VFs >= 1.9)\n{:<58}{:>10}{:>9}",
        "", "two VFs", "one VF"
    );
    for (name, operation) in rows {
        let mut ratios = [vec![], vec![]];
        for _ in 0..25 {
            let alone = throughput(&[3], operation);
            for (ratios, vfs) in ratios.iter_mut().zip([[3, 4], [3, 3]]) {
                ratios.push(throughput(&vfs, operation) / alone);
            }
        }
        let [two, one] = &mut ratios;
        println!("{name:<58}{:>10.2}{:>9.2}", median(two), median(one));
    }
}
