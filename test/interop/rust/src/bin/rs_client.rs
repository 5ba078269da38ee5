// SPDX-License-Identifier: Apache-2.0

//! `rs_client [--name NAME] CHECK...`: calls the echo service, one line of output for each check:
//! `ok CHECK`, `skipped CHECK: WHY` or `failed CHECK: WHY`. Exit status 1 if any check failed.
//! Without checks it runs all but `clients`, which takes ten seconds, and `death`, which ends the service.

use std::io::{Read, Write};
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};

use rsbinder::{
    hub, BinderResult, DeathRecipient, ExceptionCode, FromIBinder, FrozenState, FrozenStateChangeCallback,
    Interface, ParcelFileDescriptor, ProcessState, SIBinder, StatusCode, Strong, WIBinder,
};
use ubinder_interop::ubinder::interop::{
    IEcho::IEcho,
    IEchoCallback::{BnEchoCallback, IEchoCallback},
    Kinds::Kinds,
    Note::Note,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;
type Check = fn(&Context) -> Outcome;

/// Why a check does not apply to this driver.
#[derive(Debug)]
struct Skipped(&'static str);

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Skipped {}

struct Context {
    name: String,
    service: Strong<dyn IEcho>,
}

const BR_FAILED_REPLY: u32 = 0x7211;
const ENOSPC: i32 = 28;

/// Long enough for an emulated machine; nothing waits this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// Checks that leave the service as it was.
const CHECKS: &[(&str, Check)] = &[
    ("list", list),
    ("missing", missing),
    ("ping", ping),
    ("echo", echo),
    ("parcelable", parcelable),
    ("kinds", kinds),
    ("large", large),
    ("too-large", too_large),
    ("caller", caller),
    ("error", error),
    ("send-fd", send_fd),
    ("receive-fd", receive_fd),
    ("object", object),
    ("identity", identity),
    ("callback", called_back),
    ("nested", nested),
    ("oneway", oneway),
    ("threads", threads),
    ("dump", dump),
    ("notification", notification),
    ("freeze", freeze),
    ("freeze-notification", freeze_notification),
];

/// Checks that must be asked for: the first takes its time, the second ends the service.
const ON_REQUEST: &[(&str, Check)] = &[("clients", clients), ("death", death)];

fn ensure(condition: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if condition {
        return Ok(());
    }
    Err(otherwise().into())
}

fn equal<T: PartialEq + std::fmt::Debug>(got: T, want: T) -> Outcome {
    ensure(got == want, || format!("got {got:?}, not {want:?}"))
}

fn list(context: &Context) -> Outcome {
    let names = hub::try_list_services(hub::DUMP_FLAG_PRIORITY_ALL)?;
    let name = &context.name;
    ensure(names.contains(name), || format!("{name} is not in {names:?}"))
}

fn missing(_: &Context) -> Outcome {
    equal(hub::check_service("ubinder.interop.none").is_none(), true)
}

fn ping(context: &Context) -> Outcome {
    Ok(context.service.as_binder().ping_binder()?)
}

fn echo(context: &Context) -> Outcome {
    for text in ["", "a", "Grüße, 世界 🌍"] {
        equal(context.service.echo(text)?.as_str(), text)?;
    }
    Ok(())
}

fn parcelable(context: &Context) -> Outcome {
    let note = Note {
        title: "title".to_owned(),
        number: 41,
        weight: 1.25,
        values: vec![-1, 0, i64::MIN],
        remark: None,
    };
    let grown = context.service.grow(&note)?;
    equal(grown.title.as_str(), "title!")?;
    equal(grown.number, 42)?;
    equal(grown.weight, 2.5)?;
    equal(grown.values, vec![-1, 0, i64::MIN, i64::MAX])?;
    equal(grown.remark, None)?;
    let grown = context.service.grow(&Note {
        remark: Some("why".to_owned()),
        ..Note::default()
    })?;
    equal(grown.remark.as_deref(), Some("WHY"))
}

fn kinds(context: &Context) -> Outcome {
    let mut kinds = Kinds {
        yes: true,
        tiny: -7,
        letter: 'ä' as u16,
        number: i32::MAX,
        large: i64::MAX,
        ratio: 0.75,
        exact: 1e300,
        text: "Grüße, 世界 🌍".to_owned(),
        maybe: None,
        bytes: vec![0, 1, 127, 128, 255],
        numbers: vec![1, i32::MIN, 0],
        texts: vec!["".to_owned(), "b".to_owned()],
    };
    let mut turned = context.service.turn(&kinds)?;
    equal(turned.yes, false)?;
    equal(turned.tiny, 7)?;
    equal(turned.letter, 'å' as u16)?;
    equal(turned.number, -i32::MAX)?;
    equal(turned.large, -i64::MAX)?;
    equal(turned.ratio, 1.5)?;
    equal(turned.exact, 5e299)?;
    equal(turned.text, format!("{}!", kinds.text))?;
    equal(turned.maybe, Some("was null".to_owned()))?;
    turned.bytes.reverse();
    equal(turned.bytes, kinds.bytes.clone())?;
    turned.numbers.reverse();
    equal(turned.numbers, kinds.numbers.clone())?;
    turned.texts.reverse();
    equal(turned.texts, kinds.texts.clone())?;
    kinds.maybe = Some("there".to_owned());
    equal(context.service.turn(&kinds)?.maybe, None)
}

fn large(context: &Context) -> Outcome {
    let bytes: Vec<u8> = (0..900_000).map(|number| (number % 251) as u8).collect();
    let mut reversed = context.service.reverse(&bytes)?;
    reversed.reverse();
    ensure(reversed == bytes, || "the bytes came back changed".to_owned())
}

/// The receiver maps a little less than 1 MiB, so no transaction of that size finds a buffer.
fn too_large(context: &Context) -> Outcome {
    let refused = context
        .service
        .reverse(&vec![7; 1024 * 1024])
        .map(|_| ())
        .unwrap_err();
    equal(refused.transaction_error(), StatusCode::FailedTransaction)?;
    let detail = rsbinder::get_extended_error()?;
    equal((detail.command, detail.param), (BR_FAILED_REPLY, -ENOSPC))?;
    // The connection works on.
    echo(context)
}

fn caller(context: &Context) -> Outcome {
    equal(context.service.callerPid()?, std::process::id() as i32)?;
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self")?);
    equal(context.service.callerUid()?, uid as i32)
}

fn error(context: &Context) -> Outcome {
    let status = context.service.fail(1234).unwrap_err();
    equal(status.exception_code(), ExceptionCode::ServiceSpecific)?;
    equal(status.service_specific_error(), 1234)
}

fn send_fd(context: &Context) -> Outcome {
    let (read, write) = ParcelFileDescriptor::pipe()?;
    (&write).write_all(b"through the pipe")?;
    drop(write);
    equal(context.service.readAll(&read)?.as_str(), "through the pipe")
}

fn receive_fd(context: &Context) -> Outcome {
    let file = context.service.openText("from the service")?;
    let mut text = String::new();
    (&file).read_to_string(&mut text)?;
    equal(text.as_str(), "from the service")
}

/// Our own object becomes a handle on the way and itself again on the way back.
fn object(context: &Context) -> Outcome {
    let (callback, _) = callback(context);
    let mine = callback.as_binder();
    ensure(context.service.same(&mine)? == mine, || {
        "our object came back as another".to_owned()
    })
}

/// And theirs the reverse.
fn identity(context: &Context) -> Outcome {
    let theirs = context.service.as_binder();
    ensure(context.service.same(&theirs)? == theirs, || {
        "the service's object came back as another".to_owned()
    })
}

/// What a service with one thread can do, too.
fn called_back(context: &Context) -> Outcome {
    let (callback, _) = callback(context);
    equal(context.service.countDown(&callback, 1)?, 1)
}

fn nested(context: &Context) -> Outcome {
    let (callback, _) = callback(context);
    for depth in [0, 1, 2, 9] {
        equal(context.service.countDown(&callback, depth)?, depth)?;
    }
    Ok(())
}

fn oneway(context: &Context) -> Outcome {
    let (callback, texts) = callback(context);
    context.service.tellLater(&callback, "text", 50)?;
    for number in 0..50 {
        equal(texts.recv_timeout(PATIENCE)?, format!("text {number}"))?;
    }
    Ok(())
}

/// Eight calls at once make the driver ask the service for more threads; in turn they would take 4 s.
fn threads(context: &Context) -> Outcome {
    let start = Instant::now();
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let service = context.service.clone();
            std::thread::spawn(move || service.sleep(500))
        })
        .collect();
    for call in calls {
        equal(call.join().map_err(|_| "a calling thread panicked")??, 500)?;
    }
    ensure(start.elapsed() < Duration::from_secs(3), || {
        format!("took {:?}", start.elapsed())
    })
}

fn dump(context: &Context) -> Outcome {
    let (read, write) = ParcelFileDescriptor::pipe()?;
    let binder = context.service.as_binder();
    let proxy = binder.as_proxy().ok_or("the service is not remote")?;
    proxy.dump(write, &["x".to_owned()])?;
    let mut text = String::new();
    (&read).read_to_string(&mut text)?;
    equal(text.as_str(), "echo service, args [x]\n")
}

struct Registrations(Mutex<mpsc::Sender<String>>);

impl Interface for Registrations {}

impl hub::IServiceCallback for Registrations {
    fn onRegistration(&self, name: &str, _binder: &SIBinder) -> BinderResult<()> {
        let _ = self.0.lock().unwrap().send(name.to_owned());
        Ok(())
    }
}

/// The service manager calls a client back: at once for a name that is registered already.
fn notification(context: &Context) -> Outcome {
    let (sender, receiver) = mpsc::channel();
    let callback = hub::BnServiceCallback::new_binder(Registrations(Mutex::new(sender)));
    hub::register_for_notifications(&context.name, &callback)?;
    let told = receiver.recv_timeout(PATIENCE);
    hub::unregister_for_notifications(&context.name, &callback)?;
    equal(told?, context.name.clone())
}

fn service_pid(context: &Context) -> Result<i32, Box<dyn std::error::Error>> {
    let services = hub::try_get_service_debug_info()?;
    let info = services.iter().find(|info| info.name == context.name);
    Ok(info
        .ok_or("the service manager does not know the service's process")?
        .debugPid)
}

fn freeze(context: &Context) -> Outcome {
    let driver = ProcessState::as_self();
    let pid = service_pid(context)?;
    driver.freeze_process(pid, true, Duration::from_secs(1))?;
    let refused = context.service.echo("frozen").map(|_| ());
    let info = driver.process_freeze_info(pid);
    driver.freeze_process(pid, false, Duration::ZERO)?;
    equal(
        refused.unwrap_err().transaction_error(),
        StatusCode::FailedTransaction,
    )?;
    ensure(info?.sync_received, || {
        "the driver did not note the call".to_owned()
    })?;
    echo(context)
}

struct FreezeStates(Mutex<mpsc::Sender<FrozenState>>);

impl FrozenStateChangeCallback for FreezeStates {
    fn on_state_changed(&self, _who: &WIBinder, state: FrozenState) {
        let _ = self.0.lock().unwrap().send(state);
    }
}

/// The crate asks for notifications only where the driver's `features/freeze_notification` says 1.
fn freeze_notification(context: &Context) -> Outcome {
    let (sender, receiver) = mpsc::channel();
    let callback = Arc::new(FreezeStates(Mutex::new(sender)));
    let binder = context.service.as_binder();
    match binder.add_frozen_state_change_callback_arc(&callback) {
        Err(StatusCode::InvalidOperation) => {
            return Err(Box::new(Skipped("the driver offers no freeze notifications")))
        }
        added => added?,
    }
    // The driver tells the present state first.
    equal(receiver.recv_timeout(PATIENCE)?, FrozenState::Unfrozen)?;
    let driver = ProcessState::as_self();
    let pid = service_pid(context)?;
    driver.freeze_process(pid, true, Duration::from_secs(1))?;
    let frozen = receiver.recv_timeout(PATIENCE);
    driver.freeze_process(pid, false, Duration::ZERO)?;
    equal(frozen?, FrozenState::Frozen)?;
    equal(receiver.recv_timeout(PATIENCE)?, FrozenState::Unfrozen)?;
    Ok(binder.remove_frozen_state_change_callback_arc(&callback)?)
}

struct Clients(Mutex<mpsc::Sender<bool>>);

impl Interface for Clients {}

#[allow(non_snake_case)]
impl hub::IClientCallback for Clients {
    fn onClients(&self, _registered: &SIBinder, hasClients: bool) -> BinderResult<()> {
        let _ = self.0.lock().unwrap().send(hasClients);
        Ok(())
    }
}

/// The service manager asks the driver, every five seconds, how many references a registered object has.
fn clients(context: &Context) -> Outcome {
    let (object, _) = callback(context);
    let name = format!("ubinder.interop.clients.{}", std::process::id());
    hub::add_service(&name, object.as_binder())?;
    context.service.keep(Some(&object.as_binder()))?;
    let (sender, receiver) = mpsc::channel();
    let told = hub::BnClientCallback::new_binder(Clients(Mutex::new(sender)));
    hub::register_client_callback(&name, &object.as_binder(), &told)?;
    equal(receiver.recv_timeout(PATIENCE)?, true)?;
    // Still held: the next time it asks, nothing has changed.
    let early = receiver.recv_timeout(Duration::from_secs(6));
    ensure(early.is_err(), || {
        "told of no clients while there was one".to_owned()
    })?;
    context.service.keep(None)?;
    equal(receiver.recv_timeout(PATIENCE)?, false)
}

struct Deaths(Mutex<mpsc::Sender<()>>);

impl DeathRecipient for Deaths {
    fn binder_died(&self, _who: &WIBinder) {
        let _ = self.0.lock().unwrap().send(());
    }
}

fn death(context: &Context) -> Outcome {
    let (sender, receiver) = mpsc::channel();
    let recipient = Arc::new(Deaths(Mutex::new(sender)));
    context.service.as_binder().link_to_death_arc(&recipient)?;
    context.service.quit()?;
    receiver.recv_timeout(PATIENCE)?;
    let refused = context.service.echo("gone").unwrap_err();
    equal(refused.transaction_error(), StatusCode::DeadObject)?;
    // The service manager hears of the death on its own, so its list may lag a moment.
    let start = Instant::now();
    while hub::check_service(&context.name).is_some() {
        ensure(start.elapsed() < PATIENCE, || {
            "the service manager still lists the dead service".to_owned()
        })?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

struct Callback {
    service: Strong<dyn IEcho>,
    /// This very object, to be handed on; weak, or it would keep itself alive.
    this: Arc<Mutex<Option<WIBinder>>>,
    texts: Mutex<mpsc::Sender<String>>,
}

impl Interface for Callback {}

#[allow(non_snake_case)]
impl IEchoCallback for Callback {
    fn onCountDown(&self, depth: i32) -> BinderResult<i32> {
        if depth == 0 {
            return Ok(0);
        }
        let this = self
            .this
            .lock()
            .unwrap()
            .as_ref()
            .ok_or(StatusCode::NoInit)?
            .upgrade()?;
        let this = FromIBinder::try_from(this)?;
        Ok(self.service.countDown(&this, depth - 1)? + 1)
    }

    fn onText(&self, text: &str) -> BinderResult<()> {
        let _ = self.texts.lock().unwrap().send(text.to_owned());
        Ok(())
    }
}

fn callback(context: &Context) -> (Strong<dyn IEchoCallback>, mpsc::Receiver<String>) {
    let (sender, receiver) = mpsc::channel();
    let this = Arc::new(Mutex::new(None));
    let object = BnEchoCallback::new_binder(Callback {
        service: context.service.clone(),
        this: this.clone(),
        texts: Mutex::new(sender),
    });
    *this.lock().unwrap() = Some(SIBinder::downgrade(&object.as_binder()));
    (object, receiver)
}

fn run(args: &[String]) -> Result<bool, Box<dyn std::error::Error>> {
    let (name, wanted) = match args {
        [option, name, rest @ ..] if option == "--name" => (name.as_str(), rest),
        _ => (ubinder_interop::DEFAULT_NAME, args),
    };
    let mut checks = Vec::new();
    for check in wanted {
        let found = CHECKS.iter().chain(ON_REQUEST).find(|(known, _)| known == check);
        checks.push(found.ok_or(format!("there is no check called {check}"))?);
    }
    if checks.is_empty() {
        checks.extend(CHECKS);
    }
    ubinder_interop::open_device()?;
    // Waits for the name if the service is not there yet, which makes the service manager call us back.
    let service = hub::wait_for_interface::<dyn IEcho>(name)?;
    let context = Context {
        name: name.to_owned(),
        service,
    };
    let mut good = true;
    for (check, function) in checks {
        match function(&context) {
            Ok(()) => println!("ok {check}"),
            Err(error) if error.is::<Skipped>() => println!("skipped {check}: {error}"),
            Err(error) => {
                good = false;
                println!("failed {check}: {error}");
            }
        }
    }
    Ok(good)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(true) => {}
        Ok(false) => std::process::exit(1),
        Err(error) => {
            eprintln!("rs_client: {error}");
            std::process::exit(2);
        }
    }
}
