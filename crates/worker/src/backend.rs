//! Choice of the device: a hardware GPU that agrees with the CPU, else the CPU.

use super::timestamps::{self, Pretence};
use js_sys::{Array, Function, Object, Promise, Reflect};
use stridescope_engine::gpu::{Gpu, Kernels};
use stridescope_engine::{Agreement, Backend, EngineError, check_against_cpu};
use stridescope_i18n::{Message, msg};
use stridescope_protocol::{BackendChoice, BackendReport, KernelChoice, Run, Step};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Parts of the names of software adapters, which are far slower than the CPU path.
const SOFTWARE: [&str; 6] = ["swiftshader", "llvmpipe", "lavapipe", "software", "basic render", "warp"];

/// Name of an adapter that the browser does not name.
const UNNAMED: &str = "unnamed";

/// Largest pass, in MACs, that the CPU finishes long before a GPU is started and checked: that of any tiny network.
const QUICK_MACS: u64 = 200_000_000;

/// A device, and why it was chosen.
#[derive(Clone)]
pub struct Chosen {
    pub backend: Backend,
    pub report: BackendReport,
    /// Whether the choice holds for every other run that requests the same device and kernels.
    pub is_settled: bool,
}

/// The device's state so far.
#[derive(Default)]
pub struct Backends {
    /// The GPU and its adapter's name. A worker can start it only once.
    gpu: Option<(Gpu, String)>,
    /// The result of the check against the CPU, with these kernels.
    checked: Option<(Kernels, Agreement)>,
    /// The adapter to start once the CPU has answered the quick runs.
    due: Option<Adapter>,
    /// Whether runs were answered by the CPU before the GPU started. Later runs wait for the GPU.
    was_put_off: bool,
}

/// The adapter that the browser returned.
pub struct Adapter {
    name: String,
    is_software: bool,
    /// Whether it supports timestamp queries.
    is_timed: bool,
}

impl Backends {
    /// The device for a run. `asked` is a request for an adapter that is already pending; `report` is called when the GPU is started.
    ///
    /// # Errors
    /// When the GPU fails while it is checked.
    pub async fn choose(
        &mut self,
        run: &Run,
        requested: Option<JsFuture>,
        report: &mut dyn FnMut(Step) -> bool,
    ) -> Result<Chosen, EngineError> {
        let choice = run.backend;
        if let Some(why) = gpu_disabled_reason(run) {
            return Ok(cpu(why.clone()));
        }
        let (gpu, adapter) = match &self.gpu {
            Some(gpu) => gpu,
            None => {
                let found = match self.due.take() {
                    Some(found) => found,
                    None => match find(requested, choice == BackendChoice::Webgpu).await {
                        Ok(found) => found,
                        Err(why) => return Ok(cpu(why)),
                    },
                };
                if !self.was_put_off && is_quick(run) {
                    let why = msg!("the GPU ({}) starts after this answer", named(&found.name));
                    self.due = Some(found);
                    return Ok(Chosen { is_settled: false, ..cpu(why) });
                }
                report(Step::Gpu);
                match start(found).await {
                    Ok(gpu) => self.gpu.insert(gpu),
                    Err(why) => return Ok(cpu(why)),
                }
            }
        };
        if gpu.is_software && choice != BackendChoice::Webgpu {
            return Ok(cpu(software(adapter)));
        }
        let kernels = match run.kernels {
            KernelChoice::Auto => Kernels::Auto,
            KernelChoice::Stock => Kernels::Stock,
            KernelChoice::Tiled => Kernels::Tiled,
        };
        let (backend, adapter) = (Backend::Gpu(Gpu { kernels, ..gpu.clone() }), adapter.clone());
        let agreement = match self.checked {
            Some((known, agreement)) if known == kernels => agreement,
            _ => {
                report(Step::Gpu);
                self.check(kernels, &backend).await?
            }
        };
        let apart = format!("{:.0e}", agreement.relative_l2);
        if !agreement.holds() {
            return Ok(cpu(msg!("the GPU ({}) computes something else than the CPU, {} apart", named(&adapter), apart)));
        }
        let report = BackendReport { name: "webgpu".into(), adapter, why: msg!("checked against the CPU, {} apart", apart) };
        Ok(Chosen { backend, report, is_settled: true })
    }

    /// Takes the adapter whose start was deferred.
    pub fn take_due(&mut self) -> Option<Adapter> {
        self.due.take()
    }

    /// Starts and checks the GPU whose start was deferred. A failure is reported by the next run, which tries again.
    pub async fn start_due(&mut self, found: Adapter) {
        self.was_put_off = true;
        if let Ok(gpu) = start(found).await {
            let backend = Backend::Gpu(gpu.0.clone());
            self.gpu = Some(gpu);
            let _ = self.check(Kernels::Auto, &backend).await;
        }
    }

    async fn check(&mut self, kernels: Kernels, backend: &Backend) -> Result<Agreement, EngineError> {
        Ok(self.checked.insert((kernels, check_against_cpu(backend).await?)).1)
    }
}

/// Whether the CPU may answer a run before the GPU is started.
fn is_quick(run: &Run) -> bool {
    let is_free = run.backend == BackendChoice::Auto && run.kernels == KernelChoice::Auto;
    is_free && !run.timed && run.input.batch() == 1 && run.macs().is_some_and(|macs| macs <= QUICK_MACS)
}

/// Why a run must not use the GPU, even where there is one.
fn gpu_disabled_reason(run: &Run) -> Option<&Message> {
    static CHOSEN: Message = msg!("you chose the CPU");
    match run.backend {
        BackendChoice::Cpu => Some(&CHOSEN),
        _ => run.gpu_disabled_reason.as_ref(),
    }
}

/// Requests an adapter from the browser before the run that may use it: the answer takes a while.
pub fn ask_for(run: &Run) -> Option<JsFuture> {
    if gpu_disabled_reason(run).is_some() { None } else { ask().ok() }
}

fn cpu(why: Message) -> Chosen {
    let report = BackendReport { name: "cpu".into(), adapter: String::new(), why };
    Chosen { backend: Backend::Cpu, report, is_settled: true }
}

fn software(adapter: &str) -> Message {
    msg!("the only GPU here is software ({}), slower than the CPU", named(adapter))
}

/// The adapter, if it may be used.
async fn find(requested: Option<JsFuture>, software_too: bool) -> Result<Adapter, Message> {
    let adapter = adapter(requested).await?;
    let name = describe(&adapter);
    let words = name.to_lowercase();
    let is_software = is_fallback(&adapter) || SOFTWARE.iter().any(|word| words.contains(word));
    if is_software && !software_too {
        return Err(software(&name));
    }
    Ok(Adapter { name, is_software, is_timed: has_feature(&adapter, timestamps::FEATURE) })
}

async fn start(Adapter { name, is_software, is_timed }: Adapter) -> Result<(Gpu, String), Message> {
    construct();
    let _pretence = if is_timed { None } else { Some(Pretence::of(gpu()).map_err(refused)?) };
    let device = burn::tensor::Device::wgpu_options()
        .init_async()
        .await
        .map_err(|error| msg!("the GPU ({}) did not start: {}", named(&name), error.to_string()))?;
    Ok((Gpu { device, kernels: Kernels::Auto, is_software }, name))
}

/// Runs the constructors of burn's libraries, which register the parts of shaders. The linker does not call them (build.rs).
fn construct() {
    if let Ok(constructors) = get(&wasm_bindgen::exports(), "__wasm_call_ctors").dyn_into::<Function>() {
        // They have no arguments and no result.
        let _ = constructors.call0(&JsValue::NULL);
    }
}

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}

/// `navigator.gpu`.
fn gpu() -> JsValue {
    get(&get(&js_sys::global(), "navigator"), "gpu")
}

/// Calls `navigator.gpu.requestAdapter` by name, since web-sys has WebGPU only behind an unstable switch.
fn ask() -> Result<JsFuture, Message> {
    let gpu = gpu();
    let request = get(&gpu, "requestAdapter").dyn_into::<Function>().map_err(|_| msg!("this browser has no WebGPU"))?;
    let options = Object::new();
    Reflect::set(&options, &"powerPreference".into(), &"high-performance".into()).map_err(refused)?;
    let promise = request.apply(&gpu, &Array::of1(&options)).map_err(refused)?;
    Ok(JsFuture::from(Promise::resolve(&promise)))
}

fn refused(_: JsValue) -> Message {
    msg!("this browser refused a GPU")
}

async fn adapter(requested: Option<JsFuture>) -> Result<JsValue, Message> {
    let requested = requested.map_or_else(ask, Ok)?;
    let adapter = requested.await.map_err(refused)?;
    if adapter.is_null() || adapter.is_undefined() { Err(msg!("this browser found no GPU for WebGPU")) } else { Ok(adapter) }
}

fn describe(adapter: &JsValue) -> String {
    let info = get(adapter, "info");
    let words = ["vendor", "architecture", "description"].map(|key| get(&info, key).as_string().unwrap_or_default());
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    if words.is_empty() { UNNAMED.into() } else { words.join(" ") }
}

/// Name of an adapter in a message.
fn named(adapter: &str) -> Message {
    if adapter == UNNAMED { msg!("unnamed") } else { Message::Verbatim(adapter.into()) }
}

fn is_fallback(adapter: &JsValue) -> bool {
    [get(&get(adapter, "info"), "isFallbackAdapter"), get(adapter, "isFallbackAdapter")]
        .iter()
        .any(|flag| flag.as_bool() == Some(true))
}

fn has_feature(adapter: &JsValue, feature: &str) -> bool {
    let features = get(adapter, "features");
    let has = get(&features, "has").dyn_into::<Function>();
    has.and_then(|has| has.call1(&features, &feature.into())).is_ok_and(|has| has.as_bool() == Some(true))
}
