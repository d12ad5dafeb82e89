//! The desktop's way in: flags, a runtime on threads of its own, a window. It decides nothing about what is shown.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Parser;
use eframe::egui;
use qd_feed::{Feed, FeedConfig, FeedSource, GatewaySource, Rt, SignIn};
use qd_state::{ConnectionState, SnapshotCell, Store, StoreConfig};
use qd_types::{Environment, LocalZone, UserId, UtcMicros};

use crate::{App, AppConfig};

/// Bad flags or addresses, as in `sysexits.h`.
const EXIT_USAGE: u8 = 64;

/// A profiled window ends a frame with each picture; one that is hidden, or has nothing to draw, after this long.
const PROFILE_FRAME: Duration = Duration::from_secs(2);

/// The Quarterdeck trading console.
#[derive(Debug, Parser)]
#[command(name = "qd-console", version)]
struct Args {
    /// Address of the gateway
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        conflicts_with = "redis",
        value_parser = checked_gateway
    )]
    gateway: String,
    /// Who signs in at a development gateway; with --redis, whose streams are read
    #[arg(long, value_name = "NAME", default_value = "alice")]
    user: UserId,
    /// Reads a Redis bus directly instead of a gateway; nothing can be sent then
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// With --redis: where the desk trades (PAPER, LIVE, REPLAY); the bus does not say
    #[arg(long, value_name = "WORD", default_value = "LIVE", value_parser = environment, requires = "redis")]
    environment: Environment,
    /// Lets `puffin_viewer` look into the frames, at this port of 127.0.0.1 [alone: 8585]
    #[arg(
        long,
        value_name = "PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "8585",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    profile: Option<u16>,
    /// Saves a picture of the window and ends
    #[arg(long, value_name = "PATH")]
    screenshot: Option<PathBuf>,
    /// With --screenshot: takes the picture after this many frames
    #[arg(long, value_name = "COUNT", default_value_t = 30)]
    after_frames: u32,
    /// With --screenshot: counts the frames from the moment everything shown is live
    #[arg(long)]
    when_live: bool,
}

fn environment(word: &str) -> Result<Environment, String> {
    Environment::parse(word).ok_or_else(|| "PAPER, LIVE or REPLAY".to_owned())
}

/// Runs the program to its end.
pub fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "a figure for the log, taken before anything that could inject a clock"
    )]
    let started = Instant::now();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(err) => {
            // Help and version are no mistakes, and go where they belong.
            let is_mistake = err.use_stderr();
            if err.print().is_err() {
                return ExitCode::FAILURE;
            }
            return if is_mistake {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("QD_CONSOLE_LOG").unwrap_or_else(|_unset| {
            tracing_subscriber::EnvFilter::new("warn,qd_feed=info,qd_console=info,qd_profile=info")
        });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .init();
    match run(args, started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            tracing::error!("{err:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args, started: Instant) -> anyhow::Result<()> {
    if let Some(port) = args.profile {
        qd_profile::start(port, PROFILE_FRAME)?;
    }
    let source = match &args.redis {
        Some(url) => FeedSource::Redis {
            url: url.clone(),
            user: args.user.clone(),
            environment: args.environment,
        },
        None => FeedSource::Gateway(GatewaySource {
            url: args.gateway.clone(),
            sign_in: SignIn::Dev {
                user: args.user.clone(),
            },
            bootstrap: None,
        }),
    };
    let config = FeedConfig {
        source,
        client_kind: Arc::from("native"),
        client_version: Arc::from(env!("CARGO_PKG_VERSION")),
    };
    // Two workers: the ingest task and the socket; drawing is on the main thread.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("qd-feed")
        .enable_all()
        .build()
        .context("no runtime")?;
    let cell = Arc::<SnapshotCell>::default();
    let store = Store::new(StoreConfig::default());
    let feed = Arc::new(Feed::start(
        config,
        store,
        Arc::clone(&cell),
        Rt::new(runtime.handle().clone()),
    ));

    let mut viewport = egui::ViewportBuilder::default()
        .with_title("Quarterdeck")
        .with_app_id("quarterdeck")
        .with_inner_size([1440.0, 900.0])
        .with_min_inner_size([360.0, 480.0]);
    match eframe::icon_data::from_png_bytes(include_bytes!("../../../assets/icons/icon-256.png")) {
        Ok(icon) => viewport = viewport.with_icon(icon),
        Err(err) => tracing::warn!(%err, "no window icon"),
    }
    let options = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Glow,
        // The edges are smoothed by egui itself.
        multisampling: 0,
        dithering: false,
        // A picture has the size it was asked for, and leaves none behind.
        persist_window: args.screenshot.is_none(),
        ..eframe::NativeOptions::default()
    };
    let screenshot = args.screenshot.map(|path| Screenshot {
        path,
        frames_left: args.after_frames,
        when_live: args.when_live,
        cell: Arc::clone(&cell),
        is_requested: false,
    });
    let (app_feed, app_runtime) = (Arc::clone(&feed), runtime.handle().clone());
    let app_config = AppConfig {
        is_test: screenshot.is_some(),
    };
    let result = eframe::run_native(
        "Quarterdeck",
        options,
        Box::new(move |cc| {
            app_runtime.spawn(close_on_signal(cc.egui_ctx.clone()));
            let app = App::new(&cc.egui_ctx, app_config, app_feed, cell);
            Ok(Box::new(Window {
                app,
                size: KeptSize::Unknown,
                screenshot,
                started: Some(started),
            }))
        }),
    );
    drop(feed);
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
        .map_err(|err| anyhow::anyhow!("{err}"))
        .context("the window")
}

/// Ctrl-C and a session that ends close the window as its button does, so that what it keeps is kept.
///
/// The second time ends the program at once.
async fn close_on_signal(ctx: egui::Context) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let heard = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        );
        let (mut terminate, mut interrupt) = match heard {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(err), _) | (_, Err(err)) => {
                tracing::warn!(%err, "signals are not heard; the window closes by its button");
                return;
            }
        };
        for is_second in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if is_second {
                #[expect(
                    clippy::exit,
                    reason = "a window that draws no more cannot close itself"
                )]
                std::process::exit(130);
            }
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }
    #[cfg(not(unix))]
    match tokio::signal::ctrl_c().await {
        Ok(()) => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
        Err(err) => {
            tracing::warn!(%err, "Ctrl-C is not heard; the window closes by its button");
        }
    }
}

/// The zone that this system is set to; absent when it is set to none, or to one it does not have.
pub(crate) fn local_zone(now: UtcMicros) -> Option<LocalZone> {
    match jiff::tz::TimeZone::try_system() {
        Ok(zone) => LocalZone::measure(now, |at| {
            let instant = jiff::Timestamp::from_microsecond(at.0).ok()?;
            Some(zone.to_offset(instant).seconds())
        }),
        Err(err) => {
            tracing::info!(%err, "no local time zone");
            None
        }
    }
}

/// `http://host:port` or `https://host:port` and nothing behind it: it is also the origin that the gateway checks.
fn checked_gateway(url: &str) -> anyhow::Result<String> {
    let url = url.trim_end_matches('/');
    let host = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@']) => {
            Ok(url.to_owned())
        }
        _ => bail!("--gateway {url}: write it as http://host:port or https://host:port"),
    }
}

/// The application in its window, with the picture that a test wants.
struct Window {
    app: App,
    size: KeptSize,
    screenshot: Option<Screenshot>,
    /// When the program started, until the first frame has said how long that took.
    started: Option<Instant>,
}

/// The window's size from the run before. eframe keeps it in points of the scale that was in force, and makes the window
/// of the same points before a scale is known: without mending it, a larger scale makes the window smaller at every start.
#[derive(Clone, Copy, Debug, PartialEq)]
enum KeptSize {
    /// No frame has been drawn.
    Unknown,
    /// In the first frame, in points; the scale holds from the second on.
    Points(egui::Vec2),
    /// Nothing is left to do.
    Mended,
}

impl KeptSize {
    /// Once a frame, before the scale of it is set.
    fn mend(&mut self, ctx: &egui::Context) {
        let (size, is_placed) = ctx.input(|input| {
            let viewport = input.viewport();
            let is_placed = viewport.maximized == Some(true) || viewport.fullscreen == Some(true);
            (viewport.inner_rect.map(|rect| rect.size()), is_placed)
        });
        *self = match (*self, size) {
            (Self::Unknown, Some(points)) if !is_placed => Self::Points(points),
            (Self::Points(points), _) => {
                if ctx.zoom_factor() != 1.0 {
                    ctx.send_viewport_cmd(egui::ViewportCommand::InnerSize(points));
                }
                Self::Mended
            }
            (Self::Unknown | Self::Mended, _) => Self::Mended,
        };
    }
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        self.size.mend(ctx);
        self.app.logic(ctx, frame);
        if let Some(screenshot) = &mut self.screenshot {
            screenshot.frame(ctx);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.app.ui(ui, frame);
        if let Some(started) = self.started.take() {
            let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(millis, "first frame");
        }
        // What a window at rest costs can be counted from outside.
        tracing::trace!(target: "qd_console::frame", number = ui.ctx().cumulative_frame_nr(), "frame");
    }

    /// Of the window only its size and place are kept; what egui remembers of a session begins anew.
    fn persist_egui_memory(&self) -> bool {
        false
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        self.app.clear_color(visuals)
    }
}

/// One picture, then the end.
struct Screenshot {
    path: PathBuf,
    frames_left: u32,
    when_live: bool,
    cell: Arc<SnapshotCell>,
    is_requested: bool,
}

impl Screenshot {
    fn frame(&mut self, ctx: &egui::Context) {
        if self.is_requested {
            return;
        }
        ctx.request_repaint_after(Duration::from_millis(16));
        let snapshot = self.cell.load();
        let is_live =
            snapshot.connection.state == ConnectionState::Live && snapshot.positions.is_loaded;
        if self.when_live && !is_live {
            return;
        }
        if self.frames_left > 0 {
            self.frames_left -= 1;
            return;
        }
        self.is_requested = true;
        let (path, closer) = (self.path.clone(), ctx.clone());
        let hops = Arc::clone(&snapshot.feed.hops);
        ctx.request_screenshot(move |image| {
            for latency in &*hops {
                tracing::info!(
                    hop = latency.hop.as_str(),
                    p50_micros = latency.p50_micros,
                    p99_micros = latency.p99_micros,
                    num = latency.num_samples,
                    "latency"
                );
            }
            match save_png(&path, &image) {
                Ok(()) => tracing::info!(path = %path.display(), "picture saved"),
                Err(err) => tracing::error!("{err:#}"),
            }
            closer.send_viewport_cmd(egui::ViewportCommand::Close);
        });
    }
}

fn save_png(path: &std::path::Path, image: &egui::ColorImage) -> anyhow::Result<()> {
    let [width, height] = image.size.map(u32::try_from);
    let file =
        std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), width?, height?);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    let bytes: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(|pixel| pixel.to_array())
        .collect();
    writer.write_image_data(&bytes)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_an_origin_and_nothing_more() {
        for good in [
            "http://127.0.0.1:8080",
            "https://desk.example/",
            "http://[::1]:9",
        ] {
            assert!(checked_gateway(good).is_ok(), "{good}");
        }
        for bad in [
            "127.0.0.1:8080",
            "ws://x",
            "http://",
            "http://x/app",
            "https://user@x",
        ] {
            assert!(checked_gateway(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_flags_are_consistent() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
        assert!(
            Args::try_parse_from([
                "qd-console",
                "--redis",
                "redis://x",
                "--environment",
                "PAPER"
            ])
            .is_ok()
        );
        assert!(
            Args::try_parse_from([
                "qd-console",
                "--redis",
                "redis://x",
                "--gateway",
                "http://x"
            ])
            .is_err()
        );
        assert!(Args::try_parse_from(["qd-console", "--user", "a b"]).is_err());

        let port = |flag| Args::try_parse_from(["qd-console", flag]).map(|args| args.profile);
        assert_eq!(port("--profile").unwrap(), Some(8585));
        assert_eq!(port("--profile=9000").unwrap(), Some(9000));
        assert!(port("--profile=0").is_err() && port("--profile=127.0.0.1:9").is_err());
    }
}
