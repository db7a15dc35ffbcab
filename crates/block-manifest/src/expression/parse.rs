//! From text to an [`Expression`], with names resolved and kinds of values checked on the way.

use super::token::{Token, tokens};
use super::{Binary, Expression, Load, Node};
use crate::diagnostic::{Diagnostic, Located, Sink, Span};
use crate::model::{Bits, Enum};
use crate::types::Type;

/// Parentheses and `!` may be nested this deep, which keeps the reader's own stack small.
const MAX_NESTING: usize = 64;

/// So many tokens an expression may have. Expressions of the most instructions need less, and the tree of so many is never too
/// deep for the functions that walk through it.
const MAX_TOKENS: usize = 1024;

/// A field that an expression may name.
#[derive(Clone, Debug)]
pub(crate) struct ScopeField {
    pub(crate) name: String,
    pub(crate) offset: u8,
    pub(crate) ty: Type,
    pub(crate) bits: Vec<Bits>,
}

/// What an expression may name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'s> {
    /// The fields, those of a layout behind those of its block.
    pub(crate) fields: &'s [ScopeField],
    /// Fields of the block that this expression may not name, with the reason.
    pub(crate) hidden: &'s [(String, &'static str)],
    pub(crate) enums: &'s [Enum],
}

/// Reads the expression `text`, which stands in the manifest `source`. `None` when something was reported.
pub(crate) fn parse(
    text: &Located<String>,
    source: &str,
    scope: Scope<'_>,
    sink: &Sink,
) -> Option<Expression> {
    let errors = sink.error_count();
    let place = placement(text, source);
    let tokens = tokens(&text.value, &place, sink)?;
    // The last one is the end.
    let count = tokens.len() - 1;
    if count > MAX_TOKENS {
        sink.error(
            format!(
                "the expression has {count} names, numbers and symbols, and may have {MAX_TOKENS}"
            ),
            &text.span,
            "too long",
        );
        return None;
    }
    let mut parser = Parser {
        tokens,
        next: 0,
        nesting: 0,
        scope,
        sink,
    };
    let expression = parser.alternatives()?;
    let (token, span) = parser.peek();
    if token != Token::End {
        sink.error(
            format!("unexpected {} in the expression", describe(&token)),
            &span,
            "expected an operator or the end",
        );
        return None;
    }
    if !expression.is_condition() {
        let diagnostic = Diagnostic::error(
            "the expression is a number, and must be true or false",
            &expression.span,
            "not a comparison",
        );
        sink.report(diagnostic.help("compare it, for example with `!= 0`"));
    }
    (sink.error_count() == errors).then_some(expression)
}

/// Where ranges of the string `text` stand in `source`: exactly, when the string is written without escapes.
fn placement(text: &Located<String>, source: &str) -> impl Fn(Span) -> Span {
    let whole = text.span.clone();
    let written = source.get(whole.clone()).unwrap_or_default();
    let start = written
        .find(text.value.as_str())
        .filter(|_| !text.value.is_empty())
        .map(|at| whole.start + at);
    move |range| match start {
        Some(start) => start + range.start..start + range.end,
        None => whole.clone(),
    }
}

struct Parser<'s> {
    tokens: Vec<(Token, Span)>,
    next: usize,
    nesting: usize,
    scope: Scope<'s>,
    sink: &'s Sink,
}

/// The operations on integers, from loosest to tightest. Comparisons, the first, do not chain.
const LEVELS: [&[(&str, Binary)]; 5] = [
    &[
        ("==", Binary::Equal),
        ("!=", Binary::NotEqual),
        ("<=", Binary::LessOrEqual),
        (">=", Binary::GreaterOrEqual),
        ("<", Binary::Less),
        (">", Binary::Greater),
    ],
    &[("|", Binary::BitOr)],
    &[("&", Binary::BitAnd)],
    &[("+", Binary::Add), ("-", Binary::Subtract)],
    &[("*", Binary::Multiply)],
];

impl Parser<'_> {
    fn peek(&self) -> (Token, Span) {
        // The last token is `End`, and nothing moves behind it.
        self.tokens[self.next.min(self.tokens.len() - 1)].clone()
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek().0, Token::Symbol(found) if found == symbol);
        self.next += usize::from(found);
        found
    }

    /// `a || b`
    fn alternatives(&mut self) -> Option<Expression> {
        let mut left = self.conjunction()?;
        while self.take_symbol("||") {
            let right = self.conjunction()?;
            left = self.joined(left, right, "||", Node::Or);
        }
        Some(left)
    }

    /// `a && b`
    fn conjunction(&mut self) -> Option<Expression> {
        let mut left = self.binary(0)?;
        while self.take_symbol("&&") {
            let right = self.binary(0)?;
            left = self.joined(left, right, "&&", Node::And);
        }
        Some(left)
    }

    fn joined(
        &self,
        left: Expression,
        right: Expression,
        symbol: &str,
        node: fn(Box<Expression>, Box<Expression>) -> Node,
    ) -> Expression {
        for side in [&left, &right] {
            self.expect_condition(side, symbol);
        }
        let span = left.span.start..right.span.end;
        Expression {
            node: node(Box::new(left), Box::new(right)),
            span,
        }
    }

    fn binary(&mut self, level: usize) -> Option<Expression> {
        let Some(operations) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        let mut compared = false;
        while let Some((symbol, operation)) = operations
            .iter()
            .find(|(symbol, _)| self.take_symbol(symbol))
        {
            let right = self.binary(level + 1)?;
            let span = left.span.start..right.span.end;
            if compared {
                let diagnostic = Diagnostic::error(
                    "comparisons cannot be chained",
                    &span,
                    "compares a truth value",
                );
                self.sink
                    .report(diagnostic.help("join two comparisons with `&&`"));
                return None;
            }
            for side in [&left, &right] {
                self.expect_number(side, symbol);
            }
            left = self.fold(*operation, left, right, span)?;
            compared = operation.compares();
        }
        Some(left)
    }

    /// Computes what is constant at once, and reports what would always overflow.
    fn fold(
        &self,
        operation: Binary,
        left: Expression,
        right: Expression,
        span: Span,
    ) -> Option<Expression> {
        if let (Node::Constant(one), Node::Constant(other)) = (&left.node, &right.node)
            && !operation.compares()
        {
            let Some(value) = operation.apply(*one, *other) else {
                self.sink.error(
                    "the constant overflows 64 bits",
                    &span,
                    format!("computed from {one} and {other}"),
                );
                return None;
            };
            return Some(Expression {
                node: Node::Constant(value),
                span,
            });
        }
        Some(Expression {
            node: Node::Binary(operation, Box::new(left), Box::new(right)),
            span,
        })
    }

    fn unary(&mut self) -> Option<Expression> {
        let (token, span) = self.peek();
        if token != Token::Symbol("!") {
            return self.primary();
        }
        self.next += 1;
        self.enter(&span)?;
        let inner = self.unary()?;
        self.nesting -= 1;
        self.expect_condition(&inner, "!");
        let span = span.start..inner.span.end;
        Some(Expression {
            node: Node::Not(Box::new(inner)),
            span,
        })
    }

    fn primary(&mut self) -> Option<Expression> {
        let (token, span) = self.peek();
        match token {
            Token::Number(value) => {
                self.next += 1;
                Some(Expression {
                    node: Node::Constant(value),
                    span,
                })
            }
            Token::Name(name) => {
                self.next += 1;
                // An unknown name is reported; zero stands for it, so that the rest is still looked at.
                let node = self.resolve(&name, &span).unwrap_or(Node::Constant(0));
                Some(Expression { node, span })
            }
            Token::Symbol("(") => {
                self.next += 1;
                self.enter(&span)?;
                let mut inner = self.alternatives()?;
                self.nesting -= 1;
                let (_, end) = self.peek();
                if !self.take_symbol(")") {
                    self.sink.report(
                        Diagnostic::error("a parenthesis is not closed", &end, "expected `)`")
                            .related(&span, "opened here"),
                    );
                    return None;
                }
                inner.span = span.start..end.end;
                Some(inner)
            }
            other => {
                let message = format!("unexpected {} in the expression", describe(&other));
                self.sink
                    .error(message, &span, "expected a field, a number or `(`");
                None
            }
        }
    }

    fn enter(&mut self, span: &Span) -> Option<()> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            self.sink.error(
                format!("the expression is nested more than {MAX_NESTING} deep"),
                span,
                "too deep",
            );
            return None;
        }
        Some(())
    }

    fn expect_condition(&self, side: &Expression, symbol: &str) {
        if !side.is_condition() {
            let message = format!("`{symbol}` takes what is true or false, not a number");
            let diagnostic = Diagnostic::error(message, &side.span, "a number");
            self.sink
                .report(diagnostic.help("compare it, for example with `!= 0`"));
        }
    }

    fn expect_number(&self, side: &Expression, symbol: &str) {
        if side.is_condition() {
            let diagnostic = Diagnostic::error(
                format!("`{symbol}` takes numbers"),
                &side.span,
                "true or false",
            );
            self.sink.report(
                diagnostic.note("conditions are joined with `&&` and `||` and inverted with `!`"),
            );
        }
    }

    fn resolve(&self, name: &str, span: &Span) -> Option<Node> {
        let Some((first, part)) = name.split_once('.') else {
            return self.field(name, span).map(Node::Load);
        };
        let member = self
            .scope
            .enums
            .iter()
            .find(|known| known.name == first)
            .map(|known| known.members.iter().find(|member| member.name == part));
        let field = self
            .scope
            .fields
            .iter()
            .find(|field| field.name == first && !field.bits.is_empty());
        let bits = field
            .and_then(|field| Some((field, field.bits.iter().find(|bits| bits.name == part)?)));
        match (member.flatten(), bits) {
            (Some(_), Some(_)) => {
                let message = format!(
                    "`{name}` is a value of enumeration `{first}` and bits of field `{first}`"
                );
                self.sink.error(message, span, "could be either");
                None
            }
            (Some(member), None) => Some(Node::Constant(member.value)),
            (None, Some((field, bits))) => Some(Node::Load(load(field, Some(bits), name)?)),
            (None, None) => {
                self.unknown_part(first, part, span);
                None
            }
        }
    }

    fn unknown_part(&self, first: &str, part: &str, span: &Span) {
        let members = self
            .scope
            .enums
            .iter()
            .filter(|known| known.name == first)
            .flat_map(|known| &known.members);
        let bits = self
            .scope
            .fields
            .iter()
            .filter(|field| field.name == first)
            .flat_map(|field| &field.bits);
        let parts: Vec<&str> = members
            .map(|member| member.name.as_str())
            .chain(bits.map(|bits| bits.name.as_str()))
            .collect();
        if parts.is_empty() {
            let names = self.scope.enums.iter().map(|known| known.name.as_str());
            let names = names.chain(
                self.scope
                    .fields
                    .iter()
                    .filter(|field| !field.bits.is_empty())
                    .map(|field| field.name.as_str()),
            );
            let message = format!("`{first}` is neither an enumeration nor a field with bits");
            self.sink
                .report(Diagnostic::error(message, span, "unknown").did_you_mean(first, names));
        } else {
            let message = format!("`{first}` has no `{part}`");
            let diagnostic = Diagnostic::error(message, span, "unknown")
                .did_you_mean(part, parts.iter().copied());
            self.sink.report(diagnostic.note(format!(
                "`{first}` has {}",
                crate::listed(parts.into_iter())
            )));
        }
    }

    fn field(&self, name: &str, span: &Span) -> Option<Load> {
        let Some(field) = self.scope.fields.iter().find(|field| field.name == name) else {
            self.unknown_field(name, span);
            return None;
        };
        let load = load(field, None, name);
        if load.is_none() {
            let message = format!(
                "field `{name}` is {}, and expressions are over single integers",
                field.ty
            );
            self.sink.error(message, span, "not an integer");
        }
        load
    }

    fn unknown_field(&self, name: &str, span: &Span) {
        if let Some((_, reason)) = self.scope.hidden.iter().find(|(hidden, _)| hidden == name) {
            self.sink
                .error(format!("field `{name}` cannot be used here"), span, *reason);
            return;
        }
        let known = |name: &str| self.scope.fields.iter().any(|field| field.name == name);
        let diagnostic = Diagnostic::error(
            format!("unknown field `{name}`"),
            span,
            "no field has this name",
        );
        let diagnostic = match name.split_once('-') {
            Some((left, right)) if known(left) => diagnostic.help(format!(
                "write `{left} - {right}` to subtract: `-` right between letters is part of a name"
            )),
            _ => diagnostic.did_you_mean(
                name,
                self.scope.fields.iter().map(|field| field.name.as_str()),
            ),
        };
        let diagnostic = if self.scope.enums.iter().any(|known| known.name == name) {
            diagnostic.note(format!(
                "`{name}` is an enumeration: its values are written `{name}.VALUE`"
            ))
        } else {
            diagnostic
        };
        self.sink.report(diagnostic);
    }
}

/// The load of a single integer, or of some of its bits.
fn load(field: &ScopeField, bits: Option<&Bits>, name: &str) -> Option<Load> {
    let Type::Integer(integer) = field.ty else {
        return None;
    };
    let (shift, mask) = bits.map_or((0, integer.max()), |bits| {
        (bits.low, bits.mask() >> bits.low)
    });
    Some(Load {
        name: name.to_owned(),
        offset: field.offset,
        integer,
        shift,
        mask,
    })
}

fn describe(token: &Token) -> String {
    match token {
        Token::Number(value) => format!("number {value}"),
        Token::Name(name) => format!("`{name}`"),
        Token::Symbol(symbol) => format!("`{symbol}`"),
        Token::End => "end".to_owned(),
    }
}
