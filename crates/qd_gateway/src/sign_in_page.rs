//! The sign-in page of the `dev` way: one form, no script, the console's dark look.
//!
//! It decides nothing; whoever is listed here is checked again when the form comes in. While somebody reads it, the browser
//! fetches the console's program.

use std::fmt::Write as _;

use qd_auth::Identity;
use qd_types::{Environment, Role};

/// The page's only style sheet.
pub(crate) const CSS: &str = include_str!("sign_in.css");

/// The page. `ahead` are the paths of what the console will load, for the browser to have by then.
pub(crate) fn sign_in_html(
    users: &[Identity],
    environment: Environment,
    ahead: &[String],
) -> String {
    let mut hints = String::new();
    for path in ahead {
        // A prefetch and not a preload: it is for the next page, so this one is not waited for, and nobody complains that it
        // went unused. Each of these files is good for a year, so the console's page takes it without asking.
        writeln!(hints, r#"<link rel="prefetch" href="{}">"#, escape(path)).ok();
    }
    let mut choices = String::new();
    for (index, user) in users.iter().enumerate() {
        let role = user
            .roles
            .iter()
            .max()
            .map_or("", |role| Role::as_str(*role));
        let (user_id, name) = (escape(user.user_id.as_str()), escape(&user.name));
        let checked = if index == 0 { " checked" } else { "" };
        write!(
            choices,
            r#"<label class="choice"><input type="radio" name="user" value="{user_id}" required{checked}><span class="name">{name}</span><span class="user">{user_id}</span><span class="role {role}">{role}</span></label>"#
        )
        .ok();
    }
    let environment = environment.as_str();
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<title>Sign in · Quarterdeck</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/auth/sign_in.css">
{hints}</head>
<body>
<main>
<header><h1>Quarterdeck</h1><span class="environment">{environment}</span></header>
<form method="post" action="/auth/login">
<fieldset>
<legend>Sign in as</legend>
{choices}
</fieldset>
<button type="submit" autofocus>Sign in</button>
</form>
<p class="hint">Fixed users for this computer only. There is no password, and no other address can reach this page.</p>
</main>
</body>
</html>
"#
    )
}

/// A page of one sentence, for when there is nothing to serve.
pub(crate) fn notice_html(title: &str, sentence: &str) -> String {
    let (title, sentence) = (escape(title), escape(sentence));
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<title>{title} · Quarterdeck</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/auth/sign_in.css">
</head>
<body>
<main>
<header><h1>{title}</h1></header>
<p>{sentence}</p>
</main>
</body>
</html>
"#
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_everybody_and_escapes_names() {
        let mut users = qd_auth::dev_users();
        users[0].name = "<b>\"Tess\" & Co</b>".to_owned();
        let page = sign_in_html(&users, Environment::Paper, &[]);
        assert_eq!(page.matches("type=\"radio\"").count(), users.len());
        assert_eq!(page.matches(" checked").count(), 1);
        assert!(page.contains("&lt;b&gt;&quot;Tess&quot; &amp; Co&lt;/b&gt;"));
        assert!(!page.contains("<b>"));
        // The policy of every answer would block either.
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("<style"));
        assert!(!page.contains("prefetch"));
    }

    #[test]
    fn what_the_console_will_load_is_fetched_ahead() {
        let ahead = ["/app/style-1.css".to_owned(), "/app/a&b-2.wasm".to_owned()];
        let page = sign_in_html(&qd_auth::dev_users(), Environment::Paper, &ahead);
        let (head, body) = page.split_once("</head>").unwrap();
        assert!(head.contains(
            "<link rel=\"prefetch\" href=\"/app/style-1.css\">\n<link rel=\"prefetch\" href=\"/app/a&amp;b-2.wasm\">"
        ));
        assert!(!body.contains("/app/"));
    }
}
