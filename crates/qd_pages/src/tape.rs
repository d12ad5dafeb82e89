//! The tape that plays as the market: where it stands, and what it can be told. Drawn in the header of a replay only.
//!
//! It decides nothing: who may tell the tape something is the server's to say, and is asked for here only to say why not.

use egui::{Popup, PopupCloseBehavior, Response, Ui};
use qd_state::{Freshness, TapeMotion, TapeView};
use qd_types::{Environment, Permission, TapeAction, Tone, ZoneChoice, fmt};
use qd_ui::badge::Chip;
use qd_ui::button::Button;
use qd_ui::text;
use qd_ui::tokens::space;

use crate::{Command, PageCtx};

const MENU_WIDTH: f32 = 280.0;
/// What is offered; the server takes every whole number between the first and the last.
const SPEEDS: [u32; 6] = [1, 10, 60, 300, 900, 3_600];

/// The word REPLAY, at every width; a click opens the tape's menu once it is known.
pub(crate) fn environment_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let meaning = "A recorded tape is playing. Click to pause, step or speed it.";
    let word = Environment::Replay.as_str();
    let Some(tape) = &cx.snapshot.market.tape else {
        Chip::tag(word, Tone::Warn)
            .ui(ui, &cx.ui)
            .on_hover_text("A recorded tape is playing.");
        return;
    };
    let response = Chip::tag(word, Tone::Warn)
        .name("REPLAY: pause, step, speed")
        .button()
        .ui(ui, &cx.ui);
    menu(&response, cx, tape);
    response.on_hover_text(meaning);
}

/// The tape's date and time, and how it goes on.
pub(crate) fn clock_ui(ui: &mut Ui, cx: &PageCtx<'_>, tape: &TapeView) {
    let at = tape.time(cx.now());
    let words = format!(
        "{} {} New York · {}",
        fmt::date(at, ZoneChoice::Exchange),
        fmt::time_seconds(at, ZoneChoice::Exchange),
        motion_words(tape)
    );
    let mut chip = Chip::outline(&words);
    if cx.snapshot.market.freshness == Freshness::Stale || tape.motion != TapeMotion::Plays {
        chip = chip.dot(Tone::Warn);
    }
    let name = format!("Tape: {words}");
    let response = chip.name(&name).button().ui(ui, &cx.ui);
    menu(&response, cx, tape);
    response.on_hover_text(
        "The tape's time. Orders, fills and ages are dated by the desk's own clock.",
    );
}

fn motion_words(tape: &TapeView) -> String {
    match tape.motion {
        TapeMotion::Plays => format!("×{}", tape.speed),
        TapeMotion::Paused => "PAUSED".to_owned(),
        TapeMotion::Over => "over".to_owned(),
    }
}

fn menu(opener: &Response, cx: &PageCtx<'_>, tape: &TapeView) {
    Popup::menu(opener)
        .width(MENU_WIDTH)
        .gap(space::XS)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| menu_ui(ui, cx, tape));
}

fn menu_ui(ui: &mut Ui, cx: &PageCtx<'_>, tape: &TapeView) {
    let (tokens, fonts) = (cx.ui.tokens, &cx.ui.tokens.fonts);
    ui.set_width(MENU_WIDTH.min(ui.ctx().content_rect().width() - 48.0));
    let at = tape.time(cx.now());
    let title = format!(
        "{} · day {} of {}",
        fmt::date(at, ZoneChoice::Exchange),
        tape.day,
        tape.num_days
    );
    text::label(ui, &title, &fonts.strong, tokens.text_strong);
    let line = match tape.motion {
        TapeMotion::Plays => format!(
            "{} New York, {} times as fast as life",
            fmt::time_seconds(at, ZoneChoice::Exchange),
            tape.speed
        ),
        TapeMotion::Paused => format!(
            "{} New York, paused: nothing trades",
            fmt::time_seconds(at, ZoneChoice::Exchange)
        ),
        TapeMotion::Over => "Played to its end.".to_owned(),
    };
    text::label(ui, &line, &fonts.body, tokens.text_secondary);
    ui.add_space(space::S);

    let refusal = match tape.motion {
        TapeMotion::Over => Some("The tape has been played to its end."),
        TapeMotion::Plays | TapeMotion::Paused => cx.refusal(Permission::OrdersPlace),
    };
    let is_paused = tape.motion == TapeMotion::Paused;
    ui.horizontal(|ui| {
        let (words, action) = if is_paused {
            ("Play", TapeAction::Resume)
        } else {
            ("Pause", TapeAction::Pause)
        };
        let name = format!("{words} the tape");
        let button = Button::new(words).name(&name).disabled_because(refusal);
        if button.ui(ui, &cx.ui).clicked() {
            cx.commands.send(Command::ControlTape(action));
        }
        let no_step = refusal.or_else(|| (!is_paused).then_some("Pause the tape before a step."));
        let button = Button::new("Step")
            .name("Play the tape's next instant")
            .disabled_because(no_step);
        if button.ui(ui, &cx.ui).clicked() {
            cx.commands.send(Command::ControlTape(TapeAction::Step));
        }
    });
    ui.add_space(space::XS);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        for speed in SPEEDS {
            let words = format!("×{speed}");
            let name = format!("Speed ×{speed}");
            let reason = refusal.or_else(|| (speed == tape.speed).then_some("The present speed."));
            let button = Button::quiet(&words).name(&name).disabled_because(reason);
            if button.ui(ui, &cx.ui).clicked() {
                let action = TapeAction::SetSpeed(speed);
                cx.commands.send(Command::ControlTape(action));
            }
        }
    });
}
