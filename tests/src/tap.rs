//! A tap on a wire: passes bytes on between a node and its peers, and keeps a copy of all of them.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

/// A recording of what travelled on one connection.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The bytes sent by the dialling side.
    pub sent: Vec<u8>,
    /// The bytes that the node answered.
    pub answered: Vec<u8>,
}

/// A tap in front of a node. It ends with the process.
#[derive(Clone)]
pub struct Tap {
    /// The address to dial instead of the node's.
    pub address: SocketAddr,
    recordings: Arc<Mutex<Vec<Recording>>>,
}

impl Tap {
    /// Creates a tap to a node.
    #[must_use]
    pub fn to(node: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let tap = Self { address, recordings: Arc::default() };
        let recordings = tap.clone();
        thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { return };
                if let Ok(far) = TcpStream::connect(node) {
                    recordings.pass(&near, &far);
                }
            }
        });
        tap
    }

    /// The recordings so far, one for each connection.
    #[must_use]
    pub fn recordings(&self) -> Vec<Recording> {
        self.all().clone()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Recording>> {
        self.recordings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self, near: &TcpStream, far: &TcpStream) {
        let nth = {
            let mut all = self.all();
            all.push(Recording::default());
            all.len() - 1
        };
        for (from, to, kept) in
            [(near, far, (|r| &mut r.sent) as fn(&mut Recording) -> &mut Vec<u8>), (far, near, |r| &mut r.answered)]
        {
            let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
            let tap = self.clone();
            thread::spawn(move || {
                let mut bytes = vec![0; 64 * 1024];
                while let Ok(read @ 1..) = from.read(&mut bytes) {
                    kept(&mut tap.all()[nth]).extend_from_slice(&bytes[..read]);
                    if to.write_all(&bytes[..read]).is_err() {
                        break;
                    }
                }
                let _both_may_be_closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            });
        }
    }
}
