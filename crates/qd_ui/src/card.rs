//! The metric card: one number that a trader finds without reading.
//!
//! It formats nothing and keeps nothing: value, tone, ages and the line of the day are handed in.

use egui::{Rect, Response, Role, Sense, Ui, UiBuilder, Vec2, WidgetInfo, pos2, vec2};
use qd_types::Tone;

use crate::UiCtx;
use crate::button::Button;
use crate::paint::{self, Trend};
use crate::text::{self, HAlign};
use crate::tokens::{mix, radius, size, space};

/// How long the color of a value takes to turn when the value changes sign.
const SIGN_FADE_MS: u32 = 600;

/// How old a value is allowed to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaleMark {
    /// At most 30 s old.
    #[default]
    Fresh,
    /// Past 30 s: at half opacity.
    Faded,
    /// Past 60 s: says "data may be stale".
    Doubtful,
    /// Past 120 s: offers to refresh.
    Refresh,
}

impl StaleMark {
    /// The mark for a value of this age, in milliseconds.
    pub fn from_age_ms(age_ms: i64) -> Self {
        match age_ms {
            ..=30_000 => Self::Fresh,
            30_001..=60_000 => Self::Faded,
            60_001..=120_000 => Self::Doubtful,
            _ => Self::Refresh,
        }
    }

    /// The opacity of a value with this mark.
    pub fn opacity(self) -> f32 {
        if self == Self::Fresh { 1.0 } else { 0.5 }
    }
}

/// One card. Borrowed text, drawn every frame.
#[derive(Clone, Copy, Debug)]
#[must_use = "a card is drawn by `ui`"]
pub struct MetricCard<'a> {
    /// What it is, in two words.
    pub title: &'a str,
    /// The formatted value; absent until the first one, which draws a skeleton.
    pub value: Option<&'a str>,
    /// The color of the value.
    pub tone: Tone,
    /// The arrow before the value.
    pub arrow: Option<Trend>,
    /// One line under the value; may be empty.
    pub context: &'a str,
    /// The day so far, from 0 (low) to 1 (high); may be empty.
    pub spark: &'a [f32],
    /// How old the value is.
    pub stale: StaleMark,
    /// How long ago the value changed sign, in milliseconds, and the tone it had; absent when it did not.
    pub sign_changed: Option<(u32, Tone)>,
}

/// What happened to a card.
#[derive(Clone, Debug)]
pub struct CardResponse {
    /// The card itself.
    pub response: Response,
    /// The offered "refresh" was taken.
    pub refresh_clicked: bool,
}

impl<'a> MetricCard<'a> {
    /// A neutral, fresh card without context or line.
    pub fn new(title: &'a str, value: Option<&'a str>) -> Self {
        Self {
            title,
            value,
            tone: Tone::Neutral,
            arrow: None,
            context: "",
            spark: &[],
            stale: StaleMark::Fresh,
            sign_changed: None,
        }
    }

    /// Sets the tone and the arrow that goes with it.
    pub fn money(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self.arrow = Trend::of(tone);
        self
    }

    /// Sets the line under the value.
    pub fn context(mut self, context: &'a str) -> Self {
        self.context = context;
        self
    }

    /// Sets the line of the day.
    pub fn spark(mut self, spark: &'a [f32]) -> Self {
        self.spark = spark;
        self
    }

    /// Sets the mark of age.
    pub fn stale(mut self, stale: StaleMark) -> Self {
        self.stale = stale;
        self
    }

    /// Says that the value changed sign `age_ms` ago, and the tone it had before.
    pub fn sign_changed(mut self, age_ms: u32, previous: Tone) -> Self {
        self.sign_changed = Some((age_ms, previous));
        self
    }

    /// Draws the card over the available width, 96 points high.
    pub fn ui(self, ui: &mut Ui, cx: &UiCtx<'_>) -> CardResponse {
        let tokens = cx.tokens;
        let fonts = &tokens.fonts;
        let (rect, response) = ui.allocate_exact_size(
            vec2(ui.available_width(), size::CARD_HEIGHT),
            Sense::hover(),
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Group, true, self.accessible_name()));
        let mut card = CardResponse {
            response,
            refresh_clicked: false,
        };
        if !ui.is_rect_visible(rect) {
            return card;
        }

        let painter = ui.painter();
        painter.add(
            paint::panel_frame(tokens)
                .corner_radius(radius::PANEL)
                .paint(rect.shrink(1.0)),
        );
        let inner = rect.shrink2(vec2(if rect.width() < 180.0 { 11.0 } else { 15.0 }, 10.0));
        let line = |top: f32, height: f32| {
            Rect::from_min_size(
                pos2(inner.left(), inner.top() + top),
                vec2(inner.width(), height),
            )
        };

        let title_rect = line(0.0, 16.0);
        let spark_width = if inner.width() > 150.0 { 72.0 } else { 0.0 };
        let spark_rect = Rect::from_min_max(
            pos2(inner.right() - spark_width, inner.top() + 1.0),
            pos2(inner.right(), inner.top() + 17.0),
        );
        text::paint(
            painter,
            title_rect.with_max_x(spark_rect.left() - space::XS),
            self.title,
            &fonts.label,
            tokens.text_secondary,
            HAlign::Left,
        );

        let mut faded = painter.clone();
        faded.multiply_opacity(self.stale.opacity());
        let value_rect = line(17.0, 30.0);
        let Some(value) = self.value else {
            paint::skeleton_bar(
                painter,
                Rect::from_min_size(
                    value_rect.min + vec2(0.0, 6.0),
                    vec2(inner.width() * 0.62, 18.0),
                ),
                tokens,
            );
            paint::skeleton_bar(
                painter,
                Rect::from_min_size(
                    pos2(inner.left(), inner.top() + 53.0),
                    vec2(inner.width() * 0.45, 9.0),
                ),
                tokens,
            );
            return card;
        };

        // The line of the day is a hint beside the number, never louder than it.
        let line_color = match self.tone {
            Tone::Neutral | Tone::Faint => mix(tokens.surface_raised, tokens.text_secondary, 0.5),
            tone => mix(tokens.surface_raised, tokens.tone(tone), 0.5),
        };
        paint::sparkline(&faded, spark_rect, self.spark, line_color);
        let color = self.value_color(ui, cx);
        let mut left = value_rect.left();
        if let Some(arrow) = self.arrow {
            paint::trend_arrow(
                &faded,
                pos2(left + 6.0, value_rect.center().y),
                12.0,
                arrow,
                color,
            );
            left += 22.0;
        }
        let value_room = value_rect.with_min_x(left);
        // Chosen by the card's width and not by the text's, so that cards side by side agree.
        let (font, smaller): (_, &[_]) = match (inner.width(), &fonts.card_value_smaller) {
            (room, smaller) if room >= 170.0 => (&fonts.card_value, smaller),
            (room, [font, smallest]) if room >= 140.0 => (font, std::slice::from_ref(smallest)),
            (_, [_, smallest]) => (smallest, &[]),
        };
        let value = text::layout_to_fit(&faded, value, font, smaller, value_room.width());
        text::paint_galley(&faded, value_room, value, color, HAlign::Left);

        let context_rect = line(49.0, 15.0);
        match self.stale {
            StaleMark::Fresh | StaleMark::Faded => {
                let context =
                    text::layout(painter, self.context, &fonts.label, context_rect.width());
                if context.elided {
                    card.response = card.response.on_hover_ui(|ui| {
                        ui.label(self.context);
                    });
                }
                text::paint_galley(
                    &faded,
                    context_rect,
                    context,
                    tokens.text_hint,
                    HAlign::Left,
                );
            }
            StaleMark::Doubtful | StaleMark::Refresh => {
                text::paint(
                    painter,
                    context_rect,
                    STALE_WORDS,
                    &fonts.label,
                    tokens.stale,
                    HAlign::Left,
                );
            }
        }
        if self.stale == StaleMark::Refresh {
            let button_rect = Rect::from_min_size(
                pos2(inner.right() - 64.0, inner.bottom() - 20.0),
                Vec2::new(64.0, size::TOUCH_TARGET),
            );
            let name = format!("Refresh {}", self.title);
            // A child takes no room: the card's own is already taken.
            let mut child = ui.new_child(UiBuilder::new().max_rect(button_rect));
            card.refresh_clicked = Button::new("Refresh")
                .name(&name)
                .ui(&mut child, cx)
                .clicked();
        }
        card
    }

    fn value_color(&self, ui: &Ui, cx: &UiCtx<'_>) -> egui::Color32 {
        let color = |tone| {
            if tone == Tone::Neutral {
                cx.tokens.text_strong
            } else {
                cx.tokens.tone(tone)
            }
        };
        let now = color(self.tone);
        match self.sign_changed {
            Some((age_ms, previous)) => {
                let strength = cx.fade(age_ms, SIGN_FADE_MS);
                if strength > 0.0 {
                    ui.ctx().request_repaint_after(paint::MOTION_INTERVAL);
                }
                // A number never stands there wholly in the other side's color.
                mix(now, color(previous), strength / 2.0)
            }
            None => now,
        }
    }

    fn accessible_name(&self) -> String {
        let mut name = format!(
            "{}: {}",
            self.title,
            self.value.unwrap_or("waiting for the first value")
        );
        if self.value.is_some() && self.stale >= StaleMark::Doubtful {
            name.push_str(", ");
            name.push_str(STALE_WORDS);
        }
        name
    }
}

const STALE_WORDS: &str = "data may be stale";
