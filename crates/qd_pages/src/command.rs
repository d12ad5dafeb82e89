//! What a page may ask for, and the buffer that carries it to the shell at the end of the frame.
//!
//! The buffer lives on one thread and is drained by `App::logic`, so it needs no channel and no bound but the frame's.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use qd_state::{CommandId, PageAsk, Poll, PollSet};
use qd_types::{AccountId, ClientOrderId, HaltScope, PositionKey, Price, Qty, Symbol, TapeAction};

use crate::Page;

/// One thing the user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Close all that is held in a symbol; the server makes sure that it only reduces.
    ClosePosition {
        /// Names the command until it is answered.
        command_id: CommandId,
        /// Fixed when the dialog opened: however often it is sent, there is one order.
        client_order_id: ClientOrderId,
        /// In what.
        symbol: Symbol,
        /// Of one strategy on one account; absent for all of the symbol.
        part: Option<PositionKey>,
    },
    /// Cancel one order.
    CancelOrder {
        /// Names the command until it is answered.
        command_id: CommandId,
        /// Whose order.
        account: AccountId,
        /// Which order.
        client_order_id: ClientOrderId,
        /// In what, for the words of the answer.
        symbol: Symbol,
    },
    /// Change one open order; what is absent stays as it is.
    ModifyOrder {
        /// Names the command until it is answered.
        command_id: CommandId,
        /// Fixed when the dialog opened: however often it is sent, there is one change.
        decision_id: ClientOrderId,
        /// Whose order.
        account: AccountId,
        /// Which order.
        client_order_id: ClientOrderId,
        /// All its shares, those that are filled included.
        qty: Option<Qty>,
        /// Its limit.
        limit_price: Option<Price>,
        /// Its trigger.
        stop_price: Option<Price>,
    },
    /// Cancel every open order of a scope.
    CancelAll {
        /// Names the command until it is answered.
        command_id: CommandId,
        /// Fixed when the dialog opened: the same for every send of this decision.
        decision_id: ClientOrderId,
        /// Which orders.
        scope: HaltScope,
    },
    /// Ask for what the page shows only when it is wanted, or say that it is shown no more.
    AskForPage(PageAsk),
    /// Stop, step or speed the tape that plays as the market.
    ControlTape(TapeAction),
    /// Ask now what would be asked in a while.
    RefreshPoll(Poll),
    /// Prove anew what is on screen: a new connection that resumes every stream, and prices now.
    RefreshStreams,
    /// Try to connect now.
    RetryConnection,
    /// Load the program anew (in the browser), or connect from scratch.
    Reload,
    /// End the session.
    SignOut,
    /// Go to a page.
    ShowPage(Page),
    /// Keep a file where the user finds it: the downloads.
    SaveFile {
        /// Its name, without a folder.
        name: String,
        /// "text/csv".
        media_type: &'static str,
        /// All of it.
        contents: FileContents,
    },
}

/// What stands in a file; a log says only how much.
#[derive(Clone, PartialEq, Eq)]
pub struct FileContents(pub Arc<str>);

impl fmt::Debug for FileContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// A command with the place in the code that sent it, for the log.
#[derive(Clone, Debug)]
pub struct SentCommand {
    /// What is asked.
    pub command: Command,
    /// Who asked.
    pub location: &'static Location<'static>,
}

/// The frame's buffer of commands.
pub struct CommandSender {
    sent: RefCell<Vec<SentCommand>>,
    /// The polls whose answers this frame shows.
    shown_polls: Cell<PollSet>,
    next_command_id: Cell<u64>,
    new_order_id: Box<dyn Fn() -> ClientOrderId>,
}

impl CommandSender {
    /// A buffer whose dialogs take their order ids from `new_order_id`, which must never give the same twice.
    pub fn new(new_order_id: impl Fn() -> ClientOrderId + 'static) -> Self {
        Self {
            sent: RefCell::default(),
            shown_polls: Cell::new(PollSet::NONE),
            next_command_id: Cell::new(1),
            new_order_id: Box::new(new_order_id),
        }
    }

    /// Asks for something; the shell sees it after the frame.
    #[track_caller]
    pub fn send(&self, command: Command) {
        self.sent.borrow_mut().push(SentCommand {
            command,
            location: Location::caller(),
        });
    }

    /// Everything asked for since the last call, oldest first.
    pub fn drain(&self) -> Vec<SentCommand> {
        self.sent.take()
    }

    /// Says that the answers of a poll are on screen: polls that no frame names are not asked.
    pub fn shows(&self, poll: Poll) {
        self.shown_polls.set(self.shown_polls.get().with(poll));
    }

    /// The polls that were named since the last call.
    pub fn take_shown(&self) -> PollSet {
        self.shown_polls.take()
    }

    /// A name for a command that was never used before in this run.
    pub fn new_command_id(&self) -> CommandId {
        let command_id = self.next_command_id.get();
        self.next_command_id.set(command_id + 1);
        CommandId(command_id)
    }

    /// An id for an order, to be fixed when its dialog opens.
    pub fn new_order_id(&self) -> ClientOrderId {
        (self.new_order_id)()
    }
}
