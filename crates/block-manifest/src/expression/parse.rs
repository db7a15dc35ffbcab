//! Parses text to an [`Expression`] and checks the kinds of values.

use super::resolve::Names;
use super::scope::Scope;
use super::sign::settled;
use super::token::{Token, tokens};
use super::{Binary, Expression, Load, Node, Source};
use crate::diagnostic::{Diagnostic, Located, Sink, Span};
use crate::types::Integer;

/// The deepest nesting of parentheses and `!`, which bounds the parser's own stack.
const MAX_NESTING: usize = 64;

/// The most tokens of an expression. Expressions of the most instructions need fewer, and a tree of
/// this size is never too deep for the recursive functions over it.
const MAX_TOKENS: usize = 1024;

/// What an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// True or false.
    Condition,
    /// A number.
    Number,
}

/// Reads the expression `text` of the manifest `source`. Returns `None`, and reports it, if
/// something is wrong or a name refers to something that could not be read.
pub(crate) fn parse(
    text: &Located<String>,
    wanted: Wanted,
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
        has_stand_ins: false,
    };
    let expression = parser.alternatives()?;
    let (token, span) = parser.peek();
    if token != Token::End {
        let diagnostic = Diagnostic::error(
            format!("unexpected {} in the expression", describe(&token)),
            &span,
            "expected an operator or the end",
        );
        sink.report(match operator_for(&token) {
            Some(symbol) => diagnostic.help(format!("write `{symbol}`")),
            None => diagnostic,
        });
        return None;
    }
    if wanted == Wanted::Number && expression.is_condition() {
        sink.error(
            "the expression is true or false, and must be a number",
            &expression.span,
            "a condition",
        );
    }
    if wanted == Wanted::Condition && !expression.is_condition() && !is_stand_in(&expression) {
        let diagnostic = Diagnostic::error(
            "the expression is a number, and must be true or false",
            &expression.span,
            "not a comparison",
        );
        sink.report(diagnostic.help("compare it, for example with `!= 0`"));
    }
    let expression = settled(expression, sink);
    (sink.error_count() == errors && !parser.has_stand_ins).then_some(expression)
}

/// The spans of ranges of the string `text` in `source`: exact if the string is written without
/// escapes.
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
    /// Whether a stand-in replaces a name whose meaning is not known.
    has_stand_ins: bool,
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
        // The last token is `End`, and the position never passes it.
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

    /// Evaluates constants at once, and reports operations that always overflow.
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
            let is_signed = *one < 0 || *other < 0;
            let computed = if is_signed {
                operation.signed()
            } else {
                operation
            };
            let Some(value) = computed.apply(*one, *other) else {
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
        if token == Token::Symbol("-") {
            return self.negative(&span);
        }
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

    /// `-1`
    fn negative(&mut self, sign: &Span) -> Option<Expression> {
        self.next += 1;
        let (token, number) = self.peek();
        let Token::Number(value) = token else {
            let diagnostic = Diagnostic::error(
                "unexpected `-` in the expression",
                sign,
                "expected a field, a number or `(`",
            );
            self.sink
                .report(diagnostic.help("only a number has a sign: write `0 - NAME`"));
            return None;
        };
        self.next += 1;
        let span = sign.start..number.end;
        let value = -i128::from(value);
        if value < i64::MIN.into() {
            self.sink.error(
                format!("`{value}` does not fit into 64 bits"),
                &span,
                format!("the smallest number is {}", i64::MIN),
            );
            return None;
        }
        Some(Expression {
            node: Node::Constant(value),
            span,
        })
    }

    fn primary(&mut self) -> Option<Expression> {
        let (token, span) = self.peek();
        match token {
            Token::Number(value) => {
                self.next += 1;
                Some(Expression {
                    node: Node::Constant(value.into()),
                    span,
                })
            }
            Token::Name(name) if name == "not" && self.scope.field(&name).is_none() => {
                let diagnostic =
                    Diagnostic::error("`not` is no operator", &span, "unknown operator");
                self.sink
                    .report(diagnostic.help("write `!`, as in `!(a == b)`"));
                None
            }
            Token::Name(name) => {
                self.next += 1;
                let node = Names::new(self.scope, self.sink).resolve(&name, &span);
                let node = node.unwrap_or_else(|| {
                    self.has_stand_ins = true;
                    stand_in()
                });
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
        if !side.is_condition() && !is_stand_in(side) {
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
}

/// The stand-in for a name whose meaning is not known, so that the rest of the expression is still
/// checked. It may be a number or a condition, and nothing is computed from it.
const fn stand_in() -> Node {
    Node::Load(Load {
        name: String::new(),
        source: Source::Block,
        offset: 0,
        integer: Integer::U8,
        shift: 0,
        mask: 0,
    })
}

fn is_stand_in(expression: &Expression) -> bool {
    matches!(&expression.node, Node::Load(load) if load.name.is_empty())
}

/// The operator for a word that other languages write instead.
fn operator_for(token: &Token) -> Option<&'static str> {
    match token {
        Token::Name(word) if word.eq_ignore_ascii_case("and") => Some("&&"),
        Token::Name(word) if word.eq_ignore_ascii_case("or") => Some("||"),
        _ => None,
    }
}

fn describe(token: &Token) -> String {
    match token {
        Token::Number(value) => format!("number {value}"),
        Token::Name(name) => format!("`{name}`"),
        Token::Symbol(symbol) => format!("`{symbol}`"),
        Token::End => "end".to_owned(),
    }
}
