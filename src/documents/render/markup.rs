//! Markup under construction: HTML that is also well-formed XML.
//!
//! Every element is closed, and every text and value is escaped: there is no way to add markup as text.

/// Names and values of attributes.
pub(crate) type Attributes<'a> = &'a [(&'static str, &'a str)];

/// Markup under construction.
#[derive(Debug)]
pub(crate) struct Markup {
    text: String,
}

impl Markup {
    /// A page without content.
    pub(crate) fn html() -> Self {
        Self { text: "<!DOCTYPE html>\n".to_owned() }
    }

    /// An element with others in it.
    pub(crate) fn element(&mut self, name: &'static str, attributes: Attributes, content: impl FnOnce(&mut Self)) {
        self.open(name, attributes);
        self.text.push('>');
        content(self);
        self.close(name);
        self.text.push('\n');
    }

    /// An element with text in it.
    pub(crate) fn words(&mut self, name: &'static str, attributes: Attributes, text: &str) {
        self.open(name, attributes);
        self.text.push('>');
        self.text(text);
        self.close(name);
    }

    /// An element that has no content. Only for those that never have any.
    pub(crate) fn empty(&mut self, name: &'static str, attributes: Attributes) {
        self.open(name, attributes);
        self.text.push_str("/>");
    }

    /// Text.
    pub(crate) fn text(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                _ if is_allowed(letter) => self.text.push(letter),
                _ => self.text.push(char::REPLACEMENT_CHARACTER),
            }
        }
    }

    /// The markup.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn open(&mut self, name: &str, attributes: Attributes) {
        self.text.push('<');
        self.text.push_str(name);
        for (attribute, value) in attributes {
            self.text.push(' ');
            self.text.push_str(attribute);
            self.text.push_str("=\"");
            self.text(value);
            self.text.push('"');
        }
    }

    fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }
}

/// Whether both XML and HTML allow a character.
fn is_allowed(letter: char) -> bool {
    let is_no_character = (u32::from(letter) & 0xFFFE) == 0xFFFE || matches!(letter, '\u{fdd0}'..='\u{fdef}');
    matches!(letter, '\n' | '\t') || !letter.is_control() && !is_no_character
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_values_are_never_markup() {
        let mut markup = Markup::html();
        markup.element("p", &[("title", "a \"b\" <c> & 'd'")], |p| {
            p.words("span", &[], "<script>alert(1)</script> & \"x\"");
            p.empty("br", &[]);
            p.text("\u{0}\u{1b}\u{ffff}ü\n");
        });
        assert_eq!(
            markup.into_text(),
            "<!DOCTYPE html>\n<p title=\"a &quot;b&quot; &lt;c&gt; &amp; 'd'\"><span>&lt;script&gt;alert(1)\
             &lt;/script&gt; &amp; &quot;x&quot;</span><br/>\u{fffd}\u{fffd}\u{fffd}ü\n</p>\n"
        );
    }
}
