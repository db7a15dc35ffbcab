//! Invalidations that are latched beside requests that arrive, and beside a reset: no order leaves
//! bits and a request that could carry them. The functions on `Delivery` are the driver's own.

use std::collections::VecDeque;

use loom::sync::{Arc, Mutex};
use loom::thread::spawn;
use pcivirt_abi::sriov::InvalidateBlock;
use pf_state::invalidation::{
    Delivery, Filter, Rotation, on_invalidate_ioctl, try_deliver, try_deliver_all,
};

const VFS: u16 = 2;

/// A VF under its lock.
#[derive(Default)]
struct Vf {
    latched: u64,
    in_reset: bool,
}

/// A PF as the driver locks it: each VF, each queue and the rotation apart.
struct Pf {
    vfs: [Mutex<Vf>; VFS as usize],
    queue: Mutex<VecDeque<Filter>>,
    rotation: Mutex<Rotation>,
    delivered: Mutex<Vec<(u16, u64)>>,
}

impl Pf {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            vfs: [(); VFS as usize].map(|()| Mutex::new(Vf::default())),
            queue: Mutex::new(VecDeque::new()),
            rotation: Mutex::new(Rotation::new()),
            delivered: Mutex::new(Vec::new()),
        })
    }

    fn vf(&self, vf: u16) -> &Mutex<Vf> {
        &self.vfs[usize::from(vf)]
    }

    fn take(&self, wanted: Filter) -> Option<Filter> {
        let mut queue = self.queue.lock().unwrap();
        let place = queue.iter().position(|filter| *filter == wanted)?;
        queue.remove(place)
    }

    fn latch(&self, vf: u16, mask: u64) {
        self.vf(vf).lock().unwrap().latched |= mask;
    }

    fn delivered(&self) -> Vec<(u16, u64)> {
        self.delivered.lock().unwrap().clone()
    }
}

impl Delivery for Pf {
    type Request = Filter;

    fn num_vfs(&self) -> u16 {
        VFS
    }

    fn enqueue(&self, _filter: Filter, request: Filter) {
        self.queue.lock().unwrap().push_back(request);
    }

    fn next_for_vf(&self, vf: u16) -> Option<Filter> {
        self.take(Filter::Vf(vf))
    }

    fn next_for_any(&self) -> Option<Filter> {
        self.take(Filter::Any)
    }

    fn hand_over(
        &self,
        vf: u16,
        carrier: impl FnOnce() -> Option<Filter>,
    ) -> Option<(Filter, u64)> {
        let mut vf = self.vf(vf).lock().unwrap();
        if vf.latched == 0 || vf.in_reset {
            return None;
        }
        let request = carrier()?;
        Some((request, std::mem::take(&mut vf.latched)))
    }

    fn with_rotation<R>(&self, function: impl FnOnce(&mut Rotation) -> R) -> R {
        function(&mut self.rotation.lock().unwrap())
    }

    fn complete(&self, _request: Filter, reply: InvalidateBlock) {
        let mut delivered = self.delivered.lock().unwrap();
        delivered.push((reply.vf_index, reply.block_mask));
    }
}

#[test]
fn bits_and_a_request_that_arrive_together_meet_once() {
    for filter in [Filter::Any, Filter::Vf(1)] {
        loom::model(move || {
            let pf = Pf::new();
            let arrival = {
                let pf = Arc::clone(&pf);
                spawn(move || on_invalidate_ioctl(&*pf, filter, filter))
            };
            pf.latch(1, 4);
            try_deliver(&*pf, 1);
            arrival.join().unwrap();
            assert_eq!(pf.delivered(), [(1, 4)]);
            assert!(pf.queue.lock().unwrap().is_empty());
        });
    }
}

#[test]
fn bits_that_two_threads_latch_are_delivered_once_each() {
    loom::model(|| {
        let pf = Pf::new();
        pf.queue.lock().unwrap().extend([Filter::Any; 2]);
        let other = {
            let pf = Arc::clone(&pf);
            spawn(move || {
                pf.latch(0, 1);
                try_deliver(&*pf, 0);
            })
        };
        pf.latch(0, 2);
        try_deliver(&*pf, 0);
        other.join().unwrap();
        let delivered = pf.delivered();
        assert_eq!(delivered.iter().map(|(_, mask)| mask).sum::<u64>(), 3);
        assert!(delivered.iter().all(|(vf, mask)| *vf == 0 && *mask != 0));
        assert_eq!(pf.vf(0).lock().unwrap().latched, 0);
    });
}

#[test]
fn bits_for_all_vfs_reach_one_that_is_in_reset_when_it_ends() {
    loom::model(|| {
        let pf = Pf::new();
        pf.queue.lock().unwrap().extend([Filter::Any; 2]);
        pf.vf(0).lock().unwrap().in_reset = true;
        let reset = {
            let pf = Arc::clone(&pf);
            spawn(move || {
                pf.vf(0).lock().unwrap().in_reset = false;
                try_deliver(&*pf, 0);
            })
        };
        for vf in 0..VFS {
            pf.latch(vf, 1);
        }
        try_deliver_all(&*pf);
        reset.join().unwrap();
        let mut delivered = pf.delivered();
        delivered.sort_unstable();
        assert_eq!(delivered, [(0, 1), (1, 1)]);
    });
}
