// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;

fn main() {
    let generated = rsbinder_aidl::Builder::new()
        .source(PathBuf::from("aidl/ubinder/interop/IEcho.aidl"))
        .source(PathBuf::from("aidl/ubinder/interop/IEchoCallback.aidl"))
        .source(PathBuf::from("aidl/ubinder/interop/Note.aidl"))
        .include_dir(PathBuf::from("aidl"))
        .output(PathBuf::from("echo.rs"))
        .generate();
    if let Err(error) = generated {
        eprintln!("{error:?}");
        std::process::exit(1);
    }
}
