// SPDX-License-Identifier: Apache-2.0

//! What `rs_service` and `rs_client` share: the interfaces generated from `aidl/`, and the device.

rsbinder::include_aidl!("echo");

/// The interfaces of the wire tests.
pub mod wire {
    rsbinder::include_aidl!("wire");
}

/// The name the service registers under unless told another. It begins with the interface's own name
/// because `binder-call` takes everything before the slash as the interface to call.
pub const DEFAULT_NAME: &str = "ubinder.interop.IEcho/default";

/// Opens the device of `BINDER_DEVICE`, or the crate's own default, with its usual fifteen threads.
pub fn open_device() -> Result<(), Box<dyn std::error::Error>> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    let device = std::env::var("BINDER_DEVICE");
    let device = device.as_deref().unwrap_or(rsbinder::DEFAULT_BINDER_PATH);
    rsbinder::ProcessState::init(device, rsbinder::DEFAULT_MAX_BINDER_THREADS)?;
    rsbinder::ProcessState::start_thread_pool();
    Ok(())
}
