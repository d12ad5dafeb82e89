//! Design tokens and the house's widgets: cards, tables, badges, dialogs, toasts.
