//! Pickles, read as data: the opcodes that PyTorch writes for a dictionary of tensors, and no others. Nothing is imported, called or
//! executed; a name that a pickle asks for is only compared with the few that stand for tensors.
//!
//! The opcodes are those of CPython's `Lib/pickletools.py`; what PyTorch makes of them is in `torch/_weights_only_unpickler.py`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use stridescope_i18n::{Message, msg};

/// Index of a value among all that a pickle made. Values may hold each other in circles; an index cannot.
pub type Id = usize;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`, and whatever no tensor is made of.
    Nothing,
    /// A truth value.
    Bool(bool),
    /// An integer; those beyond 64 bits are refused.
    Int(i64),
    /// Text.
    Text(Arc<str>),
    /// A tuple or a list.
    List(Vec<Id>),
    /// A dictionary, ordered or not, in the order of its making.
    Dict(Vec<(Id, Id)>),
    /// A name that was imported.
    Global(Global),
    /// A store of numbers, by its key in the file.
    Storage {
        /// Of its numbers.
        kind: Kind,
        /// Its key.
        key: Arc<str>,
    },
    /// A view into a store.
    Tensor(Tensor),
}

/// Names that stand for parts of tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    /// `collections.OrderedDict`.
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2`.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`.
    RebuildParameter,
    /// `torch.FloatStorage` and its like.
    Storage(Kind),
}

/// Number type of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `torch.FloatStorage`.
    F32,
    /// `torch.HalfStorage`.
    F16,
    /// `torch.BFloat16Storage`.
    Bf16,
    /// `torch.LongStorage`.
    I64,
    /// `torch.DoubleStorage`, `torch.IntStorage` and so on, which no network here uses.
    Other(&'static str),
}

/// A view into a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Of its numbers.
    pub kind: Kind,
    /// The store's key.
    pub key: Arc<str>,
    /// First number.
    pub offset: usize,
    /// Row-major.
    pub shape: Vec<usize>,
    /// Numbers from one index to the next, by dimension.
    pub stride: Vec<usize>,
}

/// Most values that a pickle of weights may make: a ResNet-152's takes 15,000, and with all that its training needs 50,000.
pub const MOST_VALUES: usize = 100_000;
/// Most steps for each value that may be made; some two are needed.
const STEPS: usize = 5;
/// Longest pickle in bytes; it holds names and shapes, not numbers: 330,000 bytes in that largest case.
const LONGEST_PICKLE: usize = 4_000_000;
/// Longest text.
const LONGEST: usize = 4096;
/// Index of the one value that stands for every [`Value::Nothing`].
const NOTHING: Id = 0;

/// What a pickle held, and how many bytes it took.
#[derive(Debug)]
pub struct Pickle {
    values: Vec<Value>,
    /// The value that it is.
    pub root: Id,
    /// Bytes up to and with its end.
    pub len: usize,
}

impl Pickle {
    /// A value.
    pub fn get(&self, id: Id) -> &Value {
        self.values.get(id).unwrap_or(&Value::Nothing)
    }

    /// The stores that it names: key and number type.
    pub fn storages(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.values.iter().filter_map(|value| match value {
            Value::Storage { kind, key } => Some((&**key, *kind)),
            _ => None,
        })
    }

    /// Reads one pickle from the start of some bytes, and makes at most so many values of it.
    ///
    /// # Errors
    /// A clause that says what is wrong.
    pub fn read(bytes: &[u8], most: usize) -> Result<Self, Message> {
        let bytes = &bytes[..bytes.len().min(LONGEST_PICKLE)];
        let values = vec![Value::Nothing];
        let mut machine = Machine { bytes, at: 0, most, values, stack: Vec::new(), marks: Vec::new(), memo: BTreeMap::new() };
        let root = machine.run()?;
        Ok(Self { values: machine.values, root, len: machine.at })
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    most: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: BTreeMap<usize, Id>,
}

type Done = Result<(), Message>;

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Id, Message> {
        // A step keeps at most one thing more; bounded steps bound the stack, the memo and all lists together.
        for _ in 0..self.most * STEPS {
            let place = self.at;
            match self.byte()? {
                0x80 => match self.byte()? {
                    2..=5 => {}
                    other => return Err(msg!("its pickle is of protocol {}, and only 2 to 5 are read", other)),
                },
                // A frame's length only says how much to read at once.
                0x95 => drop(self.take(8)?),
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'N' => self.nothing()?,
                0x88 => self.push(Value::Bool(true))?,
                0x89 => self.push(Value::Bool(false))?,
                b'K' => self.int(1)?,
                b'M' => self.int(2)?,
                b'J' => {
                    let value = i32::from_le_bytes(self.array()?);
                    self.push(Value::Int(value.into()))?;
                }
                0x8a => self.long()?,
                b'G' => {
                    self.take(8)?;
                    self.nothing()?;
                }
                b'X' | b'T' => {
                    let len = u32::from_le_bytes(self.array()?) as usize;
                    self.text(len)?;
                }
                0x8c | b'U' => {
                    let len = usize::from(self.byte()?);
                    self.text(len)?;
                }
                b'}' => self.push(Value::Dict(Vec::new()))?,
                b']' | b')' => self.push(Value::List(Vec::new()))?,
                0x85 => self.tuple(1)?,
                0x86 => self.tuple(2)?,
                0x87 => self.tuple(3)?,
                b't' => {
                    let items = self.since_mark()?;
                    self.push(Value::List(items))?;
                }
                b'q' => {
                    let slot = usize::from(self.byte()?);
                    self.remember(slot)?;
                }
                b'r' => {
                    let slot = u32::from_le_bytes(self.array()?) as usize;
                    self.remember(slot)?;
                }
                0x94 => self.remember(self.memo.len())?,
                b'h' => {
                    let slot = usize::from(self.byte()?);
                    self.recall(slot)?;
                }
                b'j' => {
                    let slot = u32::from_le_bytes(self.array()?) as usize;
                    self.recall(slot)?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' => {
                    let items = self.since_mark()?;
                    self.append(items)?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.insert(vec![key, value])?;
                }
                b'u' => {
                    let items = self.since_mark()?;
                    self.insert(items)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.global(&module, &name)?;
                }
                0x93 => {
                    let (name, module) = (self.pop_text()?, self.pop_text()?);
                    self.global(&module, &name)?;
                }
                b'Q' => self.persistent()?,
                b'R' => self.reduce()?,
                // The state of an OrderedDict: its `_metadata`, which says nothing of tensors.
                b'b' => drop(self.pop()?),
                other => {
                    return Err(msg!(
                        "its pickle uses the opcode 0x{} at byte {}, which no weights need",
                        format!("{other:02x}"),
                        place
                    ));
                }
            }
        }
        Err(msg!("its pickle takes over {} steps", self.most * STEPS))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Message> {
        let cut = || match self.bytes.len() {
            LONGEST_PICKLE => msg!("its pickle is over {} MB long", LONGEST_PICKLE as f64 / 1e6),
            len => msg!("its pickle is cut off at byte {}", len),
        };
        let taken = self.at.checked_add(len).and_then(|end| self.bytes.get(self.at..end)).ok_or_else(cut)?;
        self.at += len;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Message> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Message> {
        let taken = self.take(N)?;
        Ok(std::array::from_fn(|i| taken[i]))
    }

    fn push(&mut self, value: Value) -> Done {
        if self.values.len() >= self.most {
            return Err(msg!("its pickle makes over {} values", self.most));
        }
        self.stack.push(self.values.len());
        self.values.push(value);
        Ok(())
    }

    fn nothing(&mut self) -> Done {
        self.stack.push(NOTHING);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, Message> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(msg!("its pickle takes a value that is not there, at byte {}", self.at));
        }
        self.stack.pop().ok_or_else(|| msg!("its pickle is empty"))
    }

    fn top(&mut self) -> Result<Id, Message> {
        self.stack.last().copied().ok_or_else(|| msg!("its pickle takes a value that is not there, at byte {}", self.at))
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, Message> {
        let mark = self.marks.pop().ok_or_else(|| msg!("its pickle ends a list that never began, at byte {}", self.at))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn int(&mut self, len: usize) -> Done {
        let value = self.take(len)?.iter().rev().fold(0i64, |value, byte| value << 8 | i64::from(*byte));
        self.push(Value::Int(value))
    }

    fn long(&mut self) -> Done {
        let len = usize::from(self.byte()?);
        let bytes = self.take(len)?;
        // Beyond 64 bits stands only the mark of the old format, which is told by its bytes.
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let value = (len <= 8).then(|| {
            let fill = if negative { 0xff } else { 0 };
            i64::from_le_bytes(std::array::from_fn(|i| bytes.get(i).copied().unwrap_or(fill)))
        });
        match value {
            Some(value) => self.push(Value::Int(value)),
            None => self.nothing(),
        }
    }

    fn text(&mut self, len: usize) -> Done {
        // What is too long or no text names nothing.
        match std::str::from_utf8(self.take(len)?) {
            Ok(text) if len <= LONGEST => self.push(Value::Text(text.into())),
            _ => self.nothing(),
        }
    }

    fn line(&mut self) -> Result<String, Message> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end =
            rest.iter().take(LONGEST).position(|byte| *byte == b'\n').ok_or(msg!("its pickle holds a name without an end"))?;
        self.at += end + 1;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn pop_text(&mut self) -> Result<Arc<str>, Message> {
        let id = self.pop()?;
        match &self.values[id] {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(msg!("its pickle imports something without a name")),
        }
    }

    fn tuple(&mut self, len: usize) -> Done {
        let mut items = (0..len).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        self.push(Value::List(items))
    }

    fn remember(&mut self, slot: usize) -> Done {
        let id = self.top()?;
        self.memo.insert(slot, id);
        Ok(())
    }

    fn recall(&mut self, slot: usize) -> Done {
        let id = self.memo.get(&slot).ok_or_else(|| msg!("its pickle recalls value {}, which it never kept", slot))?;
        self.stack.push(*id);
        Ok(())
    }

    fn append(&mut self, items: Vec<Id>) -> Done {
        let id = self.top()?;
        match &mut self.values[id] {
            Value::List(list) => list.extend(items),
            _ => return Err(msg!("its pickle appends to what is no list")),
        }
        Ok(())
    }

    fn insert(&mut self, items: Vec<Id>) -> Done {
        let id = self.top()?;
        match &mut self.values[id] {
            Value::Dict(pairs) if items.len().is_multiple_of(2) => {
                pairs.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])))
            }
            Value::Dict(_) => return Err(msg!("its pickle holds a key without a value")),
            _ => return Err(msg!("its pickle puts a key into what is no dictionary")),
        }
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Done {
        let global = match (module, name) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
            ("torch" | "torch.storage", "FloatStorage") => Global::Storage(Kind::F32),
            ("torch" | "torch.storage", "HalfStorage") => Global::Storage(Kind::F16),
            ("torch" | "torch.storage", "BFloat16Storage") => Global::Storage(Kind::Bf16),
            ("torch" | "torch.storage", "LongStorage") => Global::Storage(Kind::I64),
            ("torch" | "torch.storage", "DoubleStorage") => Global::Storage(Kind::Other("f64")),
            ("torch" | "torch.storage", "IntStorage") => Global::Storage(Kind::Other("i32")),
            ("torch" | "torch.storage", "ByteStorage") => Global::Storage(Kind::Other("u8")),
            ("torch" | "torch.storage", "CharStorage") => Global::Storage(Kind::Other("i8")),
            ("torch" | "torch.storage", "BoolStorage") => Global::Storage(Kind::Other("bool")),
            _ => {
                let mut shown = String::new();
                // Writing to a string cannot fail.
                let _ = write!(shown, "{module}.{name}");
                let shown: String = shown.chars().filter(|c| !c.is_control()).take(80).collect();
                return Err(msg!("its pickle asks for {}, which is no part of weights and is never run here", shown));
            }
        };
        self.push(Value::Global(global))
    }

    /// `("storage", kind, key, device, length)`, as PyTorch names a store.
    fn persistent(&mut self) -> Done {
        let id = self.pop()?;
        let Value::List(items) = &self.values[id] else { return Err(msg!("its pickle names a store that is none")) };
        let of = |at: usize| items.get(at).and_then(|id| self.values.get(*id));
        match (of(0), of(1), of(2)) {
            (Some(Value::Text(what)), Some(Value::Global(Global::Storage(kind))), Some(Value::Text(key)))
                if &**what == "storage" =>
            {
                let value = Value::Storage { kind: *kind, key: key.clone() };
                self.push(value)
            }
            _ => Err(msg!("its pickle names a store that is none")),
        }
    }

    fn reduce(&mut self) -> Done {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let Value::List(arguments) = &self.values[arguments] else {
            return Err(msg!("its pickle calls something without arguments"));
        };
        let value = match self.values[callee] {
            Value::Global(Global::OrderedDict) => Value::Dict(Vec::new()),
            Value::Global(Global::RebuildTensor) => Value::Tensor(self.tensor(arguments)?),
            Value::Global(Global::RebuildParameter) => match arguments.first().map(|id| &self.values[*id]) {
                Some(Value::Tensor(tensor)) => Value::Tensor(tensor.clone()),
                _ => return Err(msg!("its pickle holds a parameter that is no tensor")),
            },
            _ => return Err(msg!("its pickle calls what cannot be called")),
        };
        self.push(value)
    }

    /// `(store, offset, shape, stride, …)`.
    fn tensor(&self, arguments: &[Id]) -> Result<Tensor, Message> {
        let of = |at: usize| arguments.get(at).and_then(|id| self.values.get(*id));
        let number = |id: &Id| match self.values.get(*id) {
            Some(Value::Int(number)) => usize::try_from(*number).ok(),
            _ => None,
        };
        let numbers = |at: usize| match of(at) {
            Some(Value::List(items)) if items.len() <= 8 => items.iter().map(number).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        let wrong = || msg!("its pickle holds a tensor without a proper store, offset, shape and stride");
        let Some(Value::Storage { kind, key }) = of(0) else { return Err(wrong()) };
        let offset = arguments.get(1).and_then(number).ok_or_else(wrong)?;
        let (shape, stride) =
            numbers(2).zip(numbers(3)).filter(|(shape, stride)| shape.len() == stride.len()).ok_or_else(wrong)?;
        Ok(Tensor { kind: *kind, key: key.clone(), offset, shape, stride })
    }
}
