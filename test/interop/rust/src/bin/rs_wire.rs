// SPDX-License-Identifier: Apache-2.0

//! `rs_wire`: an IWire that passes each call on to another, as a server on one side and a client on the other.
//! It hands itself to the context manager, which must be an IWire, by `passOn`; then serves until killed.

use std::sync::Mutex;

use rsbinder::{BinderResult, Interface, ProcessState, Status, Strong};
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
    ubinder_interop::open_device()?;
    let manager: Strong<dyn IWire> = ProcessState::as_self().context_object()?.into_interface()?;
    manager.passOn(Some(&BnWire::new_binder(Relay::default())))?;
    Ok(ProcessState::join_thread_pool()?)
}
