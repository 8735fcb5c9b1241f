//! Python's pickles, as far as PyTorch's checkpoints need them.
//!
//! A pickle is a program for a stack machine that may call anything. Nothing is called here: of the few names that make
//! up tensors and dictionaries ([`Value::Global`]) a call is kept as a value, and any other object stays opaque. Values
//! stand in one list and refer to each other by position, so that sharing and cycles cost nothing.

use std::collections::HashMap;

/// Position of a value in the [`Pickle`].
pub(super) type Id = usize;

/// Largest number of values, which bounds the memory.
const VALUES: usize = 1 << 22;

/// Names of dictionaries that are called to make one.
const DICTIONARIES: [&str; 4] =
    ["collections.OrderedDict", "collections.defaultdict", "builtins.dict", "__builtin__.dict"];

/// A value of Python.
#[derive(Debug)]
pub(super) enum Value {
    /// `None`, a float, bytes, a set: what no tensor is made of.
    Opaque,
    /// A whole number or a truth value; of long ones `None`.
    Int(Option<i64>),
    /// A text.
    Text(String),
    /// A tuple or a list.
    List(Vec<Id>),
    /// A dictionary's keys and values, in order.
    Dict(Vec<(Id, Id)>),
    /// A name of a module: `torch.FloatStorage`.
    Global(String),
    /// A call, or a new object.
    Call {
        /// What is called.
        called: Id,
        /// Its arguments, a list.
        arguments: Id,
        /// What the object was filled with afterwards: mostly a dictionary of its attributes.
        state: Option<Id>,
    },
    /// What the file keeps outside of the pickle: storages.
    Persistent(Id),
}

/// Why a pickle cannot be read.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum Problem {
    /// It ends before its last instruction.
    #[error("its pickle is cut short")]
    Ends,
    /// An instruction finds less on the stack than it takes.
    #[error("its pickle is damaged at byte {0}")]
    Stack(usize),
    /// An instruction that no checkpoint has.
    #[error("its pickle has the instruction {1} at byte {0}")]
    Instruction(usize, u8),
    /// More values than a checkpoint has.
    #[error("its pickle has more than {VALUES} values")]
    Large,
}

/// A pickle that was read.
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Id,
}

impl Pickle {
    /// Reads a pickle of protocols 0 to 5 that starts with its protocol, as PyTorch's do.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let mut machine =
            Machine { bytes, at: 0, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
        let root = machine.run()?;
        Ok(Self { values: machine.values, root })
    }

    /// Position of the value that was pickled.
    pub(super) fn root(&self) -> Id {
        self.root
    }

    /// The value at a position of this pickle.
    pub(super) fn get(&self, id: Id) -> &Value {
        self.values.get(id).unwrap_or(&Value::Opaque)
    }

    /// A tuple's or a list's items.
    pub(super) fn list(&self, id: Id) -> Option<&[Id]> {
        if let Value::List(items) = self.get(id) { Some(items) } else { None }
    }

    /// A text.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        if let Value::Text(text) = self.get(id) { Some(text) } else { None }
    }

    /// A name of a module.
    pub(super) fn global(&self, id: Id) -> Option<&str> {
        if let Value::Global(name) = self.get(id) { Some(name) } else { None }
    }

    /// A whole number, not negative.
    pub(super) fn size(&self, id: Id) -> Option<usize> {
        match *self.get(id) {
            Value::Int(Some(number)) => usize::try_from(number).ok(),
            _ => None,
        }
    }

    /// Whole numbers, not negative.
    pub(super) fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        // A `torch.Size` is made of a tuple.
        let id = match *self.get(id) {
            Value::Call { called, arguments, .. } if self.global(called) == Some("torch.Size") => {
                *self.list(arguments)?.first()?
            }
            _ => id,
        };
        self.list(id)?.iter().map(|&item| self.size(item)).collect()
    }

    /// The first name of a module in the pickle that `wanted` takes.
    pub(super) fn first_global(&self, wanted: impl Fn(&str) -> bool) -> Option<&str> {
        self.values.iter().find_map(|value| match value {
            Value::Global(name) if wanted(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

/// The stack machine.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    /// Values by the numbers they were given.
    memo: HashMap<usize, Id>,
}

impl<'a> Machine<'a> {
    /// Runs the program and returns its result.
    fn run(&mut self) -> Result<Id, Problem> {
        loop {
            let [instruction] = self.take()?;
            match instruction {
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_mark()?),
                b'2' => self.push_again()?,
                b'\x80' => drop(self.take::<1>()?),
                b'\x95' => drop(self.take::<8>()?),
                b'N' | b']' | b'}' | b')' | b'\x8f' => self.push(match instruction {
                    b'}' => Value::Dict(Vec::new()),
                    b']' | b')' => Value::List(Vec::new()),
                    _ => Value::Opaque,
                })?,
                b'\x88' | b'\x89' => self.push(Value::Int(Some(i64::from(instruction == b'\x88'))))?,
                b'I' | b'L' => {
                    let line = self.line()?.trim_end_matches('L');
                    let number = line.parse().ok();
                    self.push(Value::Int(number))?;
                }
                b'J' => {
                    let number = i32::from_le_bytes(self.take()?);
                    self.push(Value::Int(Some(number.into())))?;
                }
                b'K' => {
                    let [number] = self.take()?;
                    self.push(Value::Int(Some(number.into())))?;
                }
                b'M' => {
                    let number = u16::from_le_bytes(self.take()?);
                    self.push(Value::Int(Some(number.into())))?;
                }
                b'\x8a' => {
                    let [length] = self.take()?;
                    self.long(length.into())?;
                }
                b'\x8b' => {
                    let length = self.length4()?;
                    self.long(length)?;
                }
                b'F' | b'S' | b'P' => {
                    self.line()?;
                    self.push(Value::Opaque)?;
                }
                b'G' => {
                    self.take::<8>()?;
                    self.push(Value::Opaque)?;
                }
                b'V' => {
                    let text = self.line()?.to_owned();
                    self.push(Value::Text(text))?;
                }
                b'X' | b'\x8c' | b'\x8d' | b'T' | b'U' => {
                    let length = self.length(instruction)?;
                    let text = String::from_utf8_lossy(self.take_slice(length)?).into_owned();
                    self.push(Value::Text(text))?;
                }
                b'B' | b'C' | b'\x8e' | b'\x96' => {
                    let length = self.length(instruction)?;
                    self.take_slice(length)?;
                    self.push(Value::Opaque)?;
                }
                b'l' | b't' => {
                    let items = self.pop_mark()?;
                    self.push(Value::List(items))?;
                }
                b'\x85'..=b'\x87' => {
                    let items = self.pop_several(usize::from(instruction - b'\x84'))?;
                    self.push(Value::List(items))?;
                }
                b'd' => {
                    let items = self.pop_mark()?;
                    let pairs = items.as_chunks::<2>().0.iter().map(|&[key, value]| (key, value)).collect();
                    self.push(Value::Dict(pairs))?;
                }
                b'\x91' => {
                    self.pop_mark()?;
                    self.push(Value::Opaque)?;
                }
                b'\x90' => drop(self.pop_mark()?),
                b'a' => {
                    let item = self.pop()?;
                    self.extend([item])?;
                }
                b'e' => {
                    let items = self.pop_mark()?;
                    self.extend(items)?;
                }
                b's' => {
                    let pair = self.pop_several(2)?;
                    self.insert(&pair)?;
                }
                b'u' => {
                    let items = self.pop_mark()?;
                    self.insert(&items)?;
                }
                b'c' => {
                    let name = format!("{}.{}", self.line()?, self.line()?);
                    self.push(Value::Global(name))?;
                }
                b'\x93' => {
                    let [module, name] =
                        [self.stack.len().wrapping_sub(2), self.stack.len().wrapping_sub(1)].map(|at| {
                            match self.stack.get(at).and_then(|&id| self.values.get(id)) {
                                Some(Value::Text(text)) => text.as_str(),
                                _ => "?",
                            }
                        });
                    let global = format!("{module}.{name}");
                    self.pop_several(2)?;
                    self.push(Value::Global(global))?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.push(Value::Persistent(id))?;
                }
                b'R' | b'\x81' => {
                    let [called, arguments] = self.pop_pair()?;
                    self.call(called, arguments)?;
                }
                b'\x92' => {
                    let [arguments, _keywords] = self.pop_pair()?;
                    let called = self.pop()?;
                    self.call(called, arguments)?;
                }
                b'i' => {
                    let name = format!("{}.{}", self.line()?, self.line()?);
                    let items = self.pop_mark()?;
                    let called = self.keep(Value::Global(name))?;
                    let arguments = self.keep(Value::List(items))?;
                    self.call(called, arguments)?;
                }
                b'o' => {
                    let mut items = self.pop_mark()?;
                    if items.is_empty() {
                        return Err(Problem::Stack(self.at));
                    }
                    let called = items.remove(0);
                    let arguments = self.keep(Value::List(items))?;
                    self.call(called, arguments)?;
                }
                b'b' => {
                    let filled = self.pop()?;
                    if let Value::Call { state, .. } = self.top()? {
                        *state = Some(filled);
                    }
                }
                b'p' => {
                    let number = self.line()?.parse().map_err(|_| Problem::Stack(self.at))?;
                    self.memorize(number)?;
                }
                b'q' => {
                    let [number] = self.take()?;
                    self.memorize(number.into())?;
                }
                b'r' => {
                    let number = self.length4()?;
                    self.memorize(number)?;
                }
                b'\x94' => self.memorize(self.memo.len())?,
                b'g' => {
                    let number = self.line()?.parse().map_err(|_| Problem::Stack(self.at))?;
                    self.recall(number)?;
                }
                b'h' => {
                    let [number] = self.take()?;
                    self.recall(number.into())?;
                }
                b'j' => {
                    let number = self.length4()?;
                    self.recall(number)?;
                }
                other => return Err(Problem::Instruction(self.at - 1, other)),
            }
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or(Problem::Ends)?;
        self.at += N;
        Ok(*bytes)
    }

    fn take_slice(&mut self, length: usize) -> Result<&'a [u8], Problem> {
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.get(..length)).ok_or(Problem::Ends)?;
        self.at += length;
        Ok(bytes)
    }

    /// The text up to the end of the line.
    fn line(&mut self) -> Result<&'a str, Problem> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or(Problem::Ends)?;
        let text = str::from_utf8(&rest[..end]).map_err(|_| Problem::Stack(self.at))?;
        self.at += end + 1;
        Ok(text)
    }

    fn length4(&mut self) -> Result<usize, Problem> {
        Ok(u32::from_le_bytes(self.take()?) as usize)
    }

    /// The length that follows an instruction for a text or bytes.
    fn length(&mut self, instruction: u8) -> Result<usize, Problem> {
        match instruction {
            b'\x8c' | b'U' | b'C' => self.take::<1>().map(|[length]| length.into()),
            b'\x8d' | b'\x8e' | b'\x96' => {
                let length = u64::from_le_bytes(self.take()?);
                usize::try_from(length).map_err(|_| Problem::Ends)
            }
            _ => self.length4(),
        }
    }

    /// A whole number of so many bytes.
    fn long(&mut self, length: usize) -> Result<(), Problem> {
        let bytes = self.take_slice(length)?;
        let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        let number = (length <= 8).then(|| {
            let mut all = [if negative { 0xff } else { 0 }; 8];
            all[..length].copy_from_slice(bytes);
            i64::from_le_bytes(all)
        });
        self.push(Value::Int(number))
    }

    fn keep(&mut self, value: Value) -> Result<Id, Problem> {
        if self.values.len() == VALUES {
            return Err(Problem::Large);
        }
        self.values.push(value);
        Ok(self.values.len() - 1)
    }

    fn push(&mut self, value: Value) -> Result<(), Problem> {
        let id = self.keep(value)?;
        self.stack.push(id);
        Ok(())
    }

    /// Height below which the stack is out of reach.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Id, Problem> {
        match self.stack.len() > self.floor() {
            true => self.stack.pop().ok_or(Problem::Stack(self.at)),
            false => Err(Problem::Stack(self.at)),
        }
    }

    fn pop_pair(&mut self) -> Result<[Id; 2], Problem> {
        let second = self.pop()?;
        Ok([self.pop()?, second])
    }

    fn pop_several(&mut self, count: usize) -> Result<Vec<Id>, Problem> {
        let from = self.stack.len().checked_sub(count).filter(|&from| from >= self.floor());
        Ok(self.stack.split_off(from.ok_or(Problem::Stack(self.at))?))
    }

    /// What stands above the last mark, which is taken off too.
    fn pop_mark(&mut self) -> Result<Vec<Id>, Problem> {
        let mark = self.marks.pop().ok_or(Problem::Stack(self.at))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn push_again(&mut self) -> Result<(), Problem> {
        let top = *self.stack.last().ok_or(Problem::Stack(self.at))?;
        self.stack.push(top);
        Ok(())
    }

    /// The value on top of the stack, which stays there.
    fn top(&mut self) -> Result<&mut Value, Problem> {
        let top = self.stack.last().and_then(|&id| self.values.get_mut(id));
        top.ok_or(Problem::Stack(self.at))
    }

    fn extend(&mut self, items: impl IntoIterator<Item = Id>) -> Result<(), Problem> {
        if let Value::List(list) = self.top()? {
            list.extend(items);
        }
        Ok(())
    }

    /// Puts keys and values, one after the other, into the dictionary on top; other objects take none.
    fn insert(&mut self, items: &[Id]) -> Result<(), Problem> {
        if let Value::Dict(pairs) = self.top()? {
            pairs.extend(items.as_chunks::<2>().0.iter().map(|&[key, value]| (key, value)));
        }
        Ok(())
    }

    /// Keeps a call as a value. Dictionaries with other names are dictionaries.
    fn call(&mut self, called: Id, arguments: Id) -> Result<(), Problem> {
        let value = match self.values.get(called) {
            Some(Value::Global(name)) if DICTIONARIES.contains(&name.as_str()) => Value::Dict(self.pairs(arguments)),
            _ => Value::Call { called, arguments, state: None },
        };
        self.push(value)
    }

    /// Keys and values of the arguments that an old program gives to a dictionary: a list of pairs.
    fn pairs(&self, arguments: Id) -> Vec<(Id, Id)> {
        let list = |id: Id| match self.values.get(id) {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        let pairs = list(arguments).first().map_or(&[][..], |&pairs| list(pairs));
        pairs.iter().filter_map(|&pair| <[Id; 2]>::try_from(list(pair)).ok()).map(|[key, value]| (key, value)).collect()
    }

    /// Gives the value on top a number.
    fn memorize(&mut self, number: usize) -> Result<(), Problem> {
        let top = *self.stack.last().ok_or(Problem::Stack(self.at))?;
        self.memo.insert(number, top);
        Ok(())
    }

    fn recall(&mut self, number: usize) -> Result<(), Problem> {
        let id = self.memo.get(&number).copied().ok_or(Problem::Stack(self.at))?;
        self.stack.push(id);
        Ok(())
    }
}
