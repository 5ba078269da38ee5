// SPDX-License-Identifier: Apache-2.0

//! `rs_service [NAME]`: registers an IEcho with the service manager, prints `ready NAME`, serves until killed.

use std::io::{Read, Write};
use std::sync::Mutex;

use rsbinder::{
    get_calling_pid, get_calling_uid, hub, BinderResult, Interface, ParcelFileDescriptor, ProcessState,
    SIBinder, Status, Strong,
};
use ubinder_interop::ubinder::interop::{
    IEcho::{BnEcho, IEcho},
    IEchoCallback::IEchoCallback,
    Kinds::Kinds,
    Note::Note,
};

#[derive(Default)]
struct Echo {
    kept: Mutex<Option<SIBinder>>,
}

impl Interface for Echo {
    fn dump(&self, writer: &mut dyn Write, args: &[String]) -> rsbinder::Result<()> {
        writeln!(writer, "echo service, args [{}]", args.join(", "))?;
        Ok(())
    }
}

#[allow(non_snake_case)]
impl IEcho for Echo {
    fn echo(&self, text: &str) -> BinderResult<String> {
        Ok(text.to_owned())
    }

    fn reverse(&self, bytes: &[u8]) -> BinderResult<Vec<u8>> {
        Ok(bytes.iter().rev().copied().collect())
    }

    fn grow(&self, note: &Note) -> BinderResult<Note> {
        let mut values = note.values.clone();
        values.push(i64::MAX);
        Ok(Note {
            title: format!("{}!", note.title),
            number: note.number + 1,
            weight: note.weight * 2.0,
            values,
            remark: note.remark.as_ref().map(|remark| remark.to_uppercase()),
        })
    }

    fn callerPid(&self) -> BinderResult<i32> {
        Ok(get_calling_pid())
    }

    fn callerUid(&self) -> BinderResult<i32> {
        Ok(get_calling_uid() as i32)
    }

    fn fail(&self, code: i32) -> BinderResult<()> {
        Err(Status::new_service_specific_error(
            code,
            Some("as asked".to_owned()),
        ))
    }

    fn readAll(&self, file: &ParcelFileDescriptor) -> BinderResult<String> {
        let mut text = String::new();
        let mut file = file;
        file.read_to_string(&mut text)
            .map_err(rsbinder::StatusCode::from)?;
        Ok(text)
    }

    fn openText(&self, text: &str) -> BinderResult<ParcelFileDescriptor> {
        let (read, write) = ParcelFileDescriptor::pipe()?;
        (&write)
            .write_all(text.as_bytes())
            .map_err(rsbinder::StatusCode::from)?;
        Ok(read)
    }

    fn same(&self, object: &SIBinder) -> BinderResult<SIBinder> {
        Ok(object.clone())
    }

    fn keep(&self, object: Option<&SIBinder>) -> BinderResult<()> {
        *self.kept.lock().unwrap() = object.cloned();
        Ok(())
    }

    fn countDown(&self, callback: &Strong<dyn IEchoCallback>, depth: i32) -> BinderResult<i32> {
        if depth == 0 {
            return Ok(0);
        }
        Ok(callback.onCountDown(depth - 1)? + 1)
    }

    fn tellLater(&self, callback: &Strong<dyn IEchoCallback>, text: &str, count: i32) -> BinderResult<()> {
        for number in 0..count {
            callback.onText(&format!("{text} {number}"))?;
        }
        Ok(())
    }

    fn sleep(&self, milliseconds: i32) -> BinderResult<i32> {
        std::thread::sleep(std::time::Duration::from_millis(milliseconds as u64));
        Ok(milliseconds)
    }

    fn quit(&self) -> BinderResult<()> {
        std::process::exit(0);
    }

    fn turn(&self, kinds: &Kinds) -> BinderResult<Kinds> {
        Ok(Kinds {
            yes: !kinds.yes,
            tiny: -kinds.tiny,
            letter: kinds.letter + 1,
            number: -kinds.number,
            large: -kinds.large,
            ratio: kinds.ratio * 2.0,
            exact: kinds.exact / 2.0,
            text: format!("{}!", kinds.text),
            maybe: match kinds.maybe {
                None => Some("was null".to_owned()),
                Some(_) => None,
            },
            bytes: kinds.bytes.iter().rev().copied().collect(),
            numbers: kinds.numbers.iter().rev().copied().collect(),
            texts: kinds.texts.iter().rev().cloned().collect(),
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args()
        .nth(1)
        .unwrap_or(ubinder_interop::DEFAULT_NAME.to_owned());
    ubinder_interop::open_device()?;
    hub::add_service(&name, BnEcho::new_binder(Echo::default()).as_binder())?;
    println!("ready {name}");
    Ok(ProcessState::join_thread_pool()?)
}
