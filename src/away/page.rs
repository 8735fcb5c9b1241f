//! The page: what threads are on the desktop, Workers are here.
//!
//! A Worker has the same library in it, and a memory of its own. One that breaks off is replaced, and the person told.

use super::letter::{Answer, Letter, Order, letter, protocol};
use super::shared::Ledger;
use super::wire::{pack, unpack_whole};
use super::{Lane, Message, Process, Task};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker};

/// What comes back, before it is known of what kind it is.
enum Raw<'a> {
    News(&'a Letter),
    Done(&'a Letter),
    Broken,
}

type Listener = Rc<RefCell<dyn FnMut(Raw<'_>)>>;

struct Link {
    worker: Worker,
    ready: bool,
    /// Sent when it is ready: earlier messages would be lost.
    waiting: Vec<(JsValue, JsValue)>,
    ledger: Ledger,
    listeners: BTreeMap<u32, Listener>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(JsValue)>,
}

#[derive(Default)]
struct Links {
    links: BTreeMap<&'static str, Link>,
    next: u32,
    notices: Vec<String>,
    /// Ended ones: what is dropped while it is called would not come back from that.
    ended: Vec<Link>,
    script: Option<String>,
}

thread_local! {
    static LINKS: RefCell<Links> = RefCell::default();
}

impl Lane {
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Views => "views",
            Self::Aside => "aside",
            Self::Language => "language",
            Self::Long => "long",
        }
    }
}

/// The address of the Workers' script; before anything is started.
pub fn workers_at(script: &str) {
    LINKS.with_borrow_mut(|links| links.script = Some(script.to_owned()));
}

/// What the person should know of the Workers, once.
pub fn notices() -> Vec<String> {
    LINKS.with_borrow_mut(|links| std::mem::take(&mut links.notices))
}

/// Why runs work on the processor, where one would expect more.
pub fn instead_of_gpu() -> Option<&'static str> {
    let navigator = js_sys::Reflect::get(&js_sys::global(), &"navigator".into()).unwrap_or(JsValue::UNDEFINED);
    let has = js_sys::Reflect::get(&navigator, &"gpu".into()).is_ok_and(|gpu| gpu.is_object());
    (!has).then_some("this browser has no WebGPU")
}

/// A Worker has one thread.
pub fn processors() -> usize {
    1
}

/// Gives it back now: a page has no other thread that could.
pub fn drop_later(value: impl Send + 'static) {
    drop(value);
}

impl Links {
    fn link(&mut self, lane: Lane) -> Result<&mut Link, JsValue> {
        let name = lane.name();
        if !self.links.contains_key(name) {
            let script = self.script.clone().unwrap_or_else(|| "worker_loader.js".into());
            self.links.insert(name, Link::new(lane, &script)?);
        }
        Ok(self.links.get_mut(name).expect("it was made just now"))
    }

    fn order(
        &mut self,
        lane: Lane,
        header: impl FnOnce(&mut Ledger) -> Order,
        body: impl FnOnce(&mut Ledger) -> Vec<u8>,
    ) {
        let link = match self.link(lane) {
            Ok(link) => link,
            Err(error) => return self.notices.push(format!("This page cannot start a Worker: {error:?}")),
        };
        let header = header(&mut link.ledger);
        let ledger = &mut link.ledger;
        let (message, transfer) = letter(&header, || body(ledger));
        if link.ready {
            // It can only fail for what cannot be sent, and nothing can.
            let _ = link.worker.post_message_with_transfer(&message, &transfer);
        } else {
            link.waiting.push((message, transfer));
        }
    }

    fn start(&mut self, lane: Lane, name: &str, task: &impl Serialize, listener: Listener) -> u32 {
        self.ended.clear();
        self.next += 1;
        let id = self.next;
        let header = |ledger: &mut Ledger| Order::Start { id, name: name.to_owned(), forgotten: ledger.forgotten() };
        self.order(lane, header, |ledger| pack(task, ledger));
        if let Ok(link) = self.link(lane) {
            link.listeners.insert(id, listener);
        }
        id
    }
}

impl Link {
    fn new(lane: Lane, script: &str) -> Result<Self, JsValue> {
        let worker = Worker::new(script)?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(letter) = Letter::new(event.data()) {
                answered(lane, &letter);
            }
        });
        let on_error = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
            let said = js_sys::Reflect::get(&event, &"message".into()).ok().and_then(|said| said.as_string());
            lost(lane, &said.unwrap_or_else(|| "it could not be loaded".into()));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            ready: false,
            waiting: Vec::new(),
            ledger: Ledger::default(),
            listeners: BTreeMap::new(),
            _on_message: on_message,
            _on_error: on_error,
        })
    }
}

fn answered(lane: Lane, letter: &Letter) {
    let listener = |id: u32| LINKS.with_borrow(|links| links.links.get(lane.name())?.listeners.get(&id).cloned());
    match letter.header() {
        Ok(Answer::Ready(spoken)) if spoken == protocol() => LINKS.with_borrow_mut(|links| {
            let Some(link) = links.links.get_mut(lane.name()) else { return };
            link.ready = true;
            for (message, transfer) in std::mem::take(&mut link.waiting) {
                let _ = link.worker.post_message_with_transfer(&message, &transfer);
            }
        }),
        Ok(Answer::Ready(spoken)) => {
            let own = protocol();
            let why = format!("it is of another version ({spoken}) than the page ({own}): reload without the cache");
            lost(lane, &why);
        }
        Ok(Answer::News { id }) => {
            if let Some(listener) = listener(id) {
                listener.borrow_mut()(Raw::News(letter));
            }
        }
        Ok(Answer::Done { id }) => {
            if let Some(listener) = listener(id) {
                forget(lane, id);
                listener.borrow_mut()(Raw::Done(letter));
            }
        }
        Ok(Answer::Lost { id, why }) => {
            notice(format!("The Worker for {} did not understand: {why}", lane.name()));
            if let Some(listener) = listener(id) {
                forget(lane, id);
                listener.borrow_mut()(Raw::Broken);
            }
        }
        Err(why) => notice(format!("The Worker for {} was not understood: {why}", lane.name())),
    }
}

fn notice(text: String) {
    LINKS.with_borrow_mut(|links| links.notices.push(text));
}

fn forget(lane: Lane, id: u32) {
    LINKS.with_borrow_mut(|links| links.links.get_mut(lane.name()).and_then(|link| link.listeners.remove(&id)));
}

/// Ends a Worker; the next task of its lane gets a new one. Who listens to it.
fn end(lane: Lane) -> Vec<Listener> {
    LINKS.with_borrow_mut(|links| {
        let Some(mut link) = links.links.remove(lane.name()) else { return Vec::new() };
        link.worker.set_onmessage(None);
        link.worker.set_onerror(None);
        link.worker.terminate();
        let listeners = std::mem::take(&mut link.listeners).into_values().collect();
        links.ended.push(link);
        listeners
    })
}

fn lost(lane: Lane, why: &str) {
    notice(format!(
        "The Worker for {} was lost ({why}): what it did is broken off, the next task gets a new one",
        lane.name()
    ));
    end(lane).into_iter().for_each(|listener| listener.borrow_mut()(Raw::Broken));
}

/// Several pieces of news in one message.
fn each_news<N: DeserializeOwned>(letter: &Letter, mut take: impl FnMut(N)) -> Result<(), String> {
    letter.body(|bytes| {
        let told = |error: postcard::Error| error.to_string();
        let (count, mut rest) = postcard::take_from_bytes::<u32>(bytes).map_err(told)?;
        for _ in 0..count {
            let (news, after) = postcard::take_from_bytes::<N>(rest).map_err(told)?;
            take(news);
            rest = after;
        }
        Ok(())
    })
}

/// A task under way. Dropping it tells that nobody waits any more: a long task's Worker is ended.
pub struct Ticket {
    lane: Lane,
    id: u32,
}

impl Ticket {
    /// The task is wanted, whoever waits.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let open = LINKS.with_borrow(|links| {
            links.links.get(self.lane.name()).is_some_and(|link| link.listeners.contains_key(&self.id))
        });
        forget(self.lane, self.id);
        if open && self.lane == Lane::Long {
            end(self.lane).into_iter().for_each(|listener| listener.borrow_mut()(Raw::Broken));
        }
    }
}

/// Starts a task. `on` is called between two frames.
pub fn start<T: Task>(task: T, mut on: impl FnMut(Message<T>) + Send + 'static) -> Ticket {
    let listener = move |raw: Raw<'_>| match raw {
        Raw::News(letter) => {
            let taken = each_news(letter, |news| on(Message::News(news)));
            taken.unwrap_or_else(|why| notice(format!("{} was not understood: {why}", T::NAME)));
        }
        Raw::Done(letter) => match letter.body(unpack_whole) {
            Ok(output) => on(Message::Done(output)),
            Err(why) => {
                notice(format!("{} was not understood: {why}", T::NAME));
                on(Message::Broken);
            }
        },
        Raw::Broken => on(Message::Broken),
    };
    let listener = Rc::new(RefCell::new(listener));
    let id = LINKS.with_borrow_mut(|links| links.start(T::LANE, T::NAME, &task, listener));
    Ticket { lane: T::LANE, id }
}

/// A process under way. Dropping it ends the process after the step in work.
pub struct Line<P: Process> {
    id: u32,
    _process: PhantomData<P>,
}

impl<P: Process> Line<P> {
    /// Is taken before the next step.
    pub fn send(&self, command: P::Command) {
        let id = self.id;
        LINKS.with_borrow_mut(|links| {
            links.order(P::LANE, |_| Order::Command { id }, |_| super::wire::pack_whole(&command));
        });
    }

    /// Ends it in the middle of a step, with its Worker; whether that can be done.
    pub fn end_now(&self) -> bool {
        end(P::LANE);
        true
    }
}

impl<P: Process> Drop for Line<P> {
    fn drop(&mut self) {
        let open = LINKS.with_borrow(|links| {
            links.links.get(P::LANE.name()).is_some_and(|link| link.listeners.contains_key(&self.id))
        });
        if open {
            forget(P::LANE, self.id);
            let id = self.id;
            LINKS.with_borrow_mut(|links| links.order(P::LANE, |_| Order::End { id }, |_| Vec::new()));
        }
    }
}

/// Starts a process. `on` is called between two frames.
pub fn converse<P: Process>(process: P, mut on: impl FnMut(P::News) + Send + 'static) -> Line<P> {
    let listener = move |raw: Raw<'_>| match raw {
        Raw::News(letter) => {
            let taken = each_news(letter, &mut on);
            if let Err(why) = taken {
                notice(format!("{} was not understood: {why}", P::NAME));
                on(P::broken());
            }
        }
        Raw::Done(_) => {}
        Raw::Broken => on(P::broken()),
    };
    let listener = Rc::new(RefCell::new(listener));
    let id = LINKS.with_borrow_mut(|links| links.start(P::LANE, P::NAME, &process, listener));
    Line { id, _process: PhantomData }
}
