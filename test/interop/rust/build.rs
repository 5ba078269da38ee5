// SPDX-License-Identifier: Apache-2.0

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The AIDL files of the wire tests, which our own compiler's output is tested with, too.
const WIRE: &str = "../../aidl/wire/aidl";

fn main() {
    generate("aidl/ubinder/interop", "aidl", "echo.rs");
    generate(&format!("{WIRE}/ubinder/wire"), WIRE, "wire.rs");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    let wire = fs::read_to_string(out.join("wire.rs")).expect("just generated");
    fs::write(out.join("relay.rs"), relay(&wire)).expect("the directory is ours");
}

fn generate(sources: &str, include: &str, output: &str) {
    println!("cargo:rerun-if-changed={sources}");
    let mut files: Vec<PathBuf> = fs::read_dir(Path::new(sources))
        .expect("the sources are there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    let builder = files
        .into_iter()
        .fold(rsbinder_aidl::Builder::new(), |builder, file| {
            builder.source(file)
        });
    let generated = builder
        .include_dir(PathBuf::from(include))
        .output(PathBuf::from(output))
        .generate();
    if let Err(error) = generated {
        eprintln!("{error:?}");
        std::process::exit(1);
    }
}

/// An implementation of IWire that passes each call on: made from the trait, one line for each method.
fn relay(wire: &str) -> String {
    let mut methods = String::new();
    let mut inside = false;
    for line in wire.lines() {
        let line = line.trim();
        if line.starts_with("pub trait IWire:") {
            inside = true;
        } else if inside && line.starts_with("fn getDefaultImpl") {
            break;
        }
        let Some(signature) = line.strip_prefix("fn ").and_then(|rest| rest.strip_suffix(';')) else {
            continue;
        };
        let name = signature.split('(').next().expect("a method has a name");
        if !inside || name == "r#passOn" {
            continue;
        }
        // No type has a name that begins as arguments' do.
        let arguments: Vec<&str> = signature
            .match_indices("_arg_")
            .map(|(at, _)| signature[at..].split(':').next().expect("a type follows"))
            .collect();
        let signature = signature.replace("super::", "ubinder_interop::wire::ubinder::wire::");
        methods.push_str(&format!(
            "fn {signature} {{ self.target()?.{name}({}) }}\n",
            arguments.join(", ")
        ));
    }
    format!("#[allow(non_snake_case)]\nimpl IWire for Relay {{\n{methods}{PASS_ON}}}\n")
}

const PASS_ON: &str = "fn r#passOn(&self, target: Option<&Strong<dyn IWire>>) -> BinderResult<()> {
    self.set_target(target.cloned());
    Ok(())
}
";
