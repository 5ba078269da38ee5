// SPDX-License-Identifier: Apache-2.0

//! `rs_wire NAME`: an IWire that passes each call on to another, as a server on one side and a client on the other.
//! It registers with the service manager, prints `ready NAME`, serves until killed; by `passOn` it is told whom to
//! pass on to.

use std::sync::Mutex;

use rsbinder::{hub, BinderResult, Interface, ProcessState, Status, Strong};
use ubinder_interop::wire::ubinder::wire::IWire::{BnWire, IWire};

#[derive(Default)]
struct Relay {
    target: Mutex<Option<Strong<dyn IWire>>>,
}

impl Relay {
    fn target(&self) -> BinderResult<Strong<dyn IWire>> {
        let target = self.target.lock().unwrap().clone();
        target.ok_or_else(|| Status::new_service_specific_error(1, Some("there is no target".to_owned())))
    }

    fn set_target(&self, target: Option<Strong<dyn IWire>>) {
        *self.target.lock().unwrap() = target;
    }
}

impl Interface for Relay {}

include!(concat!(env!("OUT_DIR"), "/relay.rs"));

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).ok_or("usage: rs_wire NAME")?;
    ubinder_interop::open_device()?;
    hub::add_service(&name, BnWire::new_binder(Relay::default()).as_binder())?;
    println!("ready {name}");
    Ok(ProcessState::join_thread_pool()?)
}
