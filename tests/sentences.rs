//! What errors say, in both languages: every kind, errors within errors, and names that are words of the catalogue as well.
#![allow(clippy::unwrap_used, missing_docs)]

use stridescope_arch::{ArchSpec, Input, lower};
use stridescope_engine::EngineError;
use stridescope_i18n::{Catalogue, Explain, Message, msg, set_catalogue};
use stridescope_image::ImageError;
use stridescope_weights::labels::LabelsError;
use stridescope_weights::source::WeightsSource;
use stridescope_weights::{Dtype, ModelRef, WeightsError, check, formats::safetensors, read, synthetic};

const KOREAN: &str = include_str!("../assets/lang/ko.json");

/// Each message with its sentence in English and in Korean.
fn cases() -> Vec<(Message, &'static str, &'static str)> {
    let tiny = || ArchSpec::named("tiny-a").unwrap();
    let mut cut = safetensors::write(&synthetic::checkpoint(&lower(&tiny(), Input::square(64)).unwrap()), Dtype::F16).unwrap();
    cut.truncate(1000);
    let mut missing = synthetic::checkpoint(&lower(&tiny(), Input::square(64)).unwrap());
    missing.tensors.retain(|name, _| name != "fc.weight" && name != "fc.bias");
    let report = check::compare(&missing, &lower(&tiny(), Input::square(64)).unwrap());
    let source = |text: &str| WeightsSource::parse(text).unwrap_err().sentence();
    let container = |bytes: &[u8]| read(bytes.to_vec()).unwrap_err().sentence();
    vec![
        (
            ArchSpec::named("stride").unwrap_err().sentence(),
            "There is no network \"stride\": write resnet18, 34, 50, 101 or 152, or tiny, then -a, -b, -c or -d, as in resnet50-d.",
            "신경망 “stride”은(는) 없다. resnet18, 34, 50, 101, 152 또는 tiny 뒤에 -a, -b, -c, -d 중 하나를 붙여 resnet50-d처럼 쓴다.",
        ),
        (
            tiny().check(Input::square(9)).unwrap_err().sentence(),
            "The height of the input is 9, but must be between 32 and 512.",
            "입력의 높이: 9. 32에서 512 사이여야 한다.",
        ),
        (
            ArchSpec { groups: 2, ..ArchSpec::named("resnet18-a").unwrap() }.check(Input::square(64)).unwrap_err().sentence(),
            "A basic block has neither groups nor a width per group: choose a deeper network, or leave groups out.",
            "기본(basic) 블록에는 그룹도 그룹당 폭도 없다. 더 깊은 신경망을 고르거나 다음 설정을 빼야 한다: 그룹.",
        ),
        (
            ImageError::TooManyPixels { width: 9000, height: 8000 }.sentence(),
            "This picture is 9000 × 8000 pixels; at most 50 million pixels are decoded. Make it smaller first.",
            "이미지 크기가 9000 × 8000픽셀이다. 50메가픽셀까지만 읽는다. 먼저 크기를 줄여야 한다.",
        ),
        (
            ImageError::Damaged(msg!("its end is missing")).sentence(),
            "This picture is damaged or cut off: its end is missing. Save it again, or choose another.",
            "이미지가 손상되었거나 잘렸다. 이유: 파일의 끝부분이 없다. 다시 저장하거나 다른 이미지를 골라야 한다.",
        ),
        (
            ImageError::Preprocess { size: 64, resize: 32 }.sentence(),
            "These weights ask for 64 × 64 pixels cut from 32 × 32, which cannot be. Choose other weights.",
            "이 가중치는 32 × 32픽셀에서 64 × 64픽셀을 잘라 내라고 하는데, 그럴 수 없다. 다른 가중치를 골라야 한다.",
        ),
        (
            container(b"\x89PNG\r\n\x1a\n........"),
            "This is no usable safetensors file: it is a picture. Download it again, or choose another.",
            "쓸 수 있는 safetensors 파일이 아니다. 이유: 이미지 파일이다. 다시 내려받거나 다른 파일을 골라야 한다.",
        ),
        (
            container(b"short"),
            "This is no usable safetensors file: it is 5 bytes long, too short for a header. Download it again, or choose another.",
            "쓸 수 있는 safetensors 파일이 아니다. 이유: 길이가 5바이트뿐이라 헤더가 들어갈 수 없다. 다시 내려받거나 다른 파일을 골라야 한다.",
        ),
        (
            container(b"PK\x03\x04"),
            "This is no usable PyTorch file: its zip has no directory at its end; it may be cut off. Save it again with \
             torch.save(model.state_dict(), FILE), or choose another.",
            "쓸 수 있는 PyTorch 파일이 아니다. 이유: zip의 끝에 목록이 없다. 파일이 잘렸을 수 있다. torch.save(model.state_dict(), FILE)로 다시 \
             저장하거나 다른 파일을 골라야 한다.",
        ),
        (
            report.verdict().unwrap_err().sentence(),
            "Tensor \"fc.weight\" is missing (and 1 more). Is this a file for another network?",
            "없는 텐서: “fc.weight” (외 1개). 다른 신경망의 파일은 아닌가?",
        ),
        (
            // A name that is a word as well stays a name.
            WeightsError::Shape { name: "stride".into(), found: vec![2], wanted: vec![3, 4] }.sentence(),
            "Tensor \"stride\" has the shape [2], but this network needs [3, 4]. Is this a file for another network?",
            "텐서 “stride”의 모양이 [2]인데, 이 신경망에는 [3, 4]이(가) 필요하다. 다른 신경망의 파일은 아닌가?",
        ),
        (
            source("stages"),
            "\"stages\" names no weights: write the address of a safetensors file, or https://huggingface.co/USER/REPOSITORY.",
            "“stages”은(는) 가중치를 가리키지 않는다. safetensors 파일의 주소나 https://huggingface.co/USER/REPOSITORY 꼴의 주소를 써야 한다.",
        ),
        (
            ModelRef::parse("resnet50-d@resnet50.a1_in1k").unwrap_err().sentence(),
            "\"resnet50.a1_in1k\" are weights for resnet50-b, not for resnet50-d.",
            "“resnet50.a1_in1k”은(는) 신경망 resnet50-d의 것이 아니라 resnet50-b의 가중치다.",
        ),
        (
            LabelsError::Count { found: 2, classes: 3 }.sentence(),
            "Names in this file: 2; classes of the network: 3. Write one name a line, in the order of the network's classes.",
            "파일에 있는 이름 수: 2, 신경망의 클래스 수: 3. 신경망의 클래스 순서대로 이름을 한 줄에 하나씩 적어야 한다.",
        ),
        (
            EngineError::from(WeightsError::NotFloat { name: "mean".into() }).sentence(),
            "Tensor \"mean\" holds integers where weights are needed. Is this a file for another network?",
            "텐서 “mean”에 가중치 대신 정수가 들어 있다. 다른 신경망의 파일은 아닌가?",
        ),
        (
            EngineError::Device { device: "GPU", cause: "device lost".into() }.sentence(),
            "The GPU failed while computing: device lost. Choose the other one, or reload the page.",
            "계산하던 중 GPU에 문제가 생겼다. 이유: device lost. 다른 장치를 고르거나 페이지를 다시 불러와야 한다.",
        ),
        (
            // A host is no word, and keeps its letters; this site has one.
            msg!(
                "{} answered {} for {}. {}",
                "example.org",
                429,
                "max",
                msg!("It has been asked too often: wait a minute, then try again")
            )
            .sentence(),
            "example.org answered 429 for max. It has been asked too often: wait a minute, then try again.",
            "파일 max: example.org에서 429 응답이 왔다. 요청이 너무 잦았다. 1분쯤 기다렸다가 다시 시도해야 한다.",
        ),
        (
            msg!(
                "{} did not answer for {}, or lets no page fetch it. Check the address and the connection, then try again",
                msg!("this site"),
                "a.json"
            )
            .sentence(),
            "This site did not answer for a.json, or lets no page fetch it. Check the address and the connection, then try again.",
            "파일 a.json: 이 사이트에서 응답이 없거나 웹페이지가 가져가지 못하게 한다. 주소와 연결을 확인하고 다시 시도해야 한다.",
        ),
        (msg!("{} from {}", "net.pth", "example.org"), "net.pth from example.org", "example.org의 net.pth"),
    ]
}

#[test]
fn errors_say_the_same_in_both_languages() {
    let english = cases().into_iter().map(|(message, english, _)| (message.to_string(), english));
    let mut said: Vec<(String, &str)> = english.collect();
    set_catalogue(Some(Catalogue::read(KOREAN, "").unwrap()));
    for (message, _, korean) in cases() {
        // As they come out of the worker.
        let message: Message = serde_json::from_str(&serde_json::to_string(&message).unwrap()).unwrap();
        said.push((message.to_string(), korean));
    }
    said.retain(|(words, wanted)| words != wanted);
    assert!(said.is_empty(), "{said:#?}");
}
