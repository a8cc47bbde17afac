//! Reading a condition.

use std::ops::Range;

use super::mistake::Found;
use super::tokens::{Token, tokens};
use super::tree::{Expr, NOT, Node, Op, SIGN};

/// How deep parentheses and signs may lie in each other.
const MAX_DEPTH: usize = 64;

/// How many operators there may be: each may add a level to the tree.
const MAX_OPERATORS: usize = 250;

/// Reads `text`; what cannot be read is noted in `found`, and reading goes on behind it.
pub(super) fn parse(text: &str, found: &mut Found<'_>) -> Node {
    let tokens = tokens(text, found);
    let mut parser = Parser { tokens, next: 0, depth: 0, operators: 0, has_given_up: false, found };
    let node = parser.expression(0);
    parser.rest(node)
}

struct Parser<'a, 'b, 'c> {
    tokens: Vec<(Token<'a>, Range<usize>)>,
    next: usize,
    depth: usize,
    operators: usize,
    /// What is left is not read, and nothing is wrong with it.
    has_given_up: bool,
    found: &'b mut Found<'c>,
}

impl<'a> Parser<'a, '_, '_> {
    fn peek(&self) -> (Token<'a>, Range<usize>) {
        self.tokens.get(self.next).cloned().unwrap_or((Token::End, 0..0))
    }

    fn advance(&mut self) -> (Token<'a>, Range<usize>) {
        let next = self.peek();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        next
    }

    fn take(&mut self, wanted: Token<'_>) -> bool {
        let is_next = self.peek().0 == wanted;
        if is_next {
            self.advance();
        }
        is_next
    }

    fn fault(&mut self, span: Range<usize>, message: String, help: Option<String>) {
        if !self.has_given_up {
            self.found.add(span, message, help);
        }
    }

    fn give_up(&mut self) {
        self.next = self.tokens.len() - 1;
        self.has_given_up = true;
    }

    /// Reads what is left behind the condition, which does not belong there, for the mistakes in it.
    fn rest(&mut self, node: Node) -> Node {
        let mut parts = Vec::new();
        loop {
            let (token, span) = self.peek();
            match token {
                Token::End => break,
                Token::Nothing => drop(self.advance()),
                _ => {
                    let help = "connect conditions with 'and' or 'or'".to_owned();
                    self.fault(span, format!("{token} does not belong here"), Some(help));
                    if matches!(token, Token::Close | Token::CloseBracket | Token::Comma | Token::Dot) {
                        self.advance();
                    }
                }
            }
            if self.operator().is_some_and(|op| op != Op::Subtract) {
                self.advance();
            }
            if self.peek().0 != Token::End {
                parts.push(self.expression(0));
            }
        }
        if parts.is_empty() {
            return node;
        }
        let span = node.span.clone();
        parts.insert(0, node);
        Node { expr: Expr::Hole(parts), span }
    }

    /// The operator that comes next, if one does.
    fn operator(&self) -> Option<Op> {
        match self.peek().0 {
            Token::Operator(op) => Some(op),
            Token::Bar | Token::Bars => Some(Op::Or),
            _ => None,
        }
    }

    /// Reads what binds at least as tightly as `strength`.
    fn expression(&mut self, strength: u8) -> Node {
        let mut left = self.operand();
        // Whether `left` is a comparison without parentheses around it.
        let mut is_comparison = false;
        while let Some(op) = self.operator() {
            // Inside bars the next one closes them: what is read there binds more tightly than `or`.
            if op.strength() < strength {
                break;
            }
            let (_, sign) = self.advance();
            self.operators += 1;
            if self.operators > MAX_OPERATORS {
                self.fault(sign, format!("there are more than {MAX_OPERATORS} operators in it"), None);
                self.give_up();
                let span = left.span.clone();
                return Node { expr: Expr::Hole(vec![left]), span };
            }
            if op.is_comparison() && is_comparison {
                let help = "write both, connected with 'and': 20 < x and x < 40".to_owned();
                self.fault(sign, format!("'{}' follows another comparison", op.sign()), Some(help));
                let span = left.span.clone();
                left = Node { expr: Expr::Hole(vec![left]), span };
            }
            is_comparison = op.is_comparison();
            let right = self.expression(op.strength() + 1);
            let span = left.span.start..right.span.end;
            left = Node { expr: Expr::Binary(op, Box::new(left), Box::new(right)), span };
        }
        left
    }

    /// Takes two bars for what they are around values.
    fn part_bars(&mut self) {
        if let (Token::Bars, span) = self.peek() {
            let middle = span.start + 1;
            self.tokens[self.next] = (Token::Bar, span.start..middle);
            self.tokens.insert(self.next + 1, (Token::Bar, middle..span.end));
        }
    }

    fn operand(&mut self) -> Node {
        self.part_bars();
        let (token, span) = self.peek();
        let start = span.start;
        let node = |expr, end: usize| Node { expr, span: start..end };
        match token {
            Token::Number(number) => {
                self.advance();
                node(Expr::Number(number), span.end)
            }
            Token::Text(text) => {
                self.advance();
                node(Expr::Text(text.to_owned()), span.end)
            }
            Token::Name("true" | "True" | "TRUE") => {
                self.advance();
                node(Expr::Flag(true), span.end)
            }
            Token::Name("false" | "False" | "FALSE") => {
                self.advance();
                node(Expr::Flag(false), span.end)
            }
            Token::Name(name) => self.name(name),
            Token::Not => self.deeper(|parser| {
                let inner = parser.expression(NOT);
                let end = inner.span.end;
                node(Expr::Not(Box::new(inner)), end)
            }),
            Token::Operator(Op::Subtract) => self.deeper(|parser| {
                let inner = parser.expression(SIGN);
                let end = inner.span.end;
                node(Expr::Negative(Box::new(inner)), end)
            }),
            Token::Open => self.deeper(|parser| {
                let inner = parser.expression(0);
                parser.expect(Token::Close, None);
                inner
            }),
            Token::Bar => self.deeper(|parser| {
                let inner = parser.expression(Op::Add.strength());
                parser.part_bars();
                let (_, end) = parser.peek();
                let is_closed = parser.expect(Token::Bar, None);
                node(
                    if is_closed { Expr::Absolute(Box::new(inner)) } else { Expr::Hole(vec![inner]) },
                    end.end,
                )
            }),
            other => {
                if other != Token::Nothing {
                    let help = "write a field, a number or a condition in parentheses".to_owned();
                    self.fault(span.clone(), format!("{other} stands where a value is expected"), Some(help));
                }
                self.recover();
                node(Expr::Hole(Vec::new()), span.end)
            }
        }
    }

    /// Goes on where another part begins.
    fn recover(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.peek().0 {
                Token::End => return,
                Token::Operator(Op::And | Op::Or) | Token::Bars | Token::Comma | Token::Close
                    if open == 0 =>
                {
                    return;
                }
                Token::Open => open += 1,
                Token::Close => open -= 1,
                _ => {}
            }
            self.advance();
        }
    }

    /// A field, or a function with its arguments.
    fn name(&mut self, first: &'a str) -> Node {
        let (_, place) = self.advance();
        let (start, mut end) = (place.start, place.end);
        if self.peek().0 == Token::Open {
            let arguments = self.deeper(Self::arguments);
            end = self.tokens[self.next.saturating_sub(1)].1.end;
            return Node { expr: Expr::Call(first.to_owned(), arguments), span: start..end };
        }
        if self.peek().0 == Token::OpenBracket {
            return self.satellite(first, start);
        }
        let mut name = first.to_owned();
        while self.take(Token::Dot) {
            match self.peek() {
                (Token::Name(part), span) => {
                    self.advance();
                    end = span.end;
                    name.push('.');
                    name.push_str(part);
                }
                (other, span) => {
                    self.fault(span, format!("{other} follows a dot, where a name is expected"), None);
                    return Node { expr: Expr::Hole(Vec::new()), span: start..end };
                }
            }
        }
        Node { expr: Expr::Name(name), span: start..end }
    }

    fn satellite(&mut self, first: &str, start: usize) -> Node {
        let (_, bracket) = self.advance();
        let hole = |end| Node { expr: Expr::Hole(Vec::new()), span: start..end };
        let name = match self.peek() {
            (Token::Text(text), _) => text.to_owned(),
            (other, span) => {
                let help = "name the satellite in quotes: satellite[\"STARLINK-1007\"].elevation".to_owned();
                self.fault(span, format!("{other} stands where a text in quotes is expected"), Some(help));
                self.recover();
                return hole(bracket.end);
            }
        };
        self.advance();
        let (_, close) = self.peek();
        let help = Some("write it like satellite[\"STARLINK-1007\"].elevation");
        if !self.expect(Token::CloseBracket, help) || !self.expect(Token::Dot, help) {
            return hole(close.end);
        }
        match self.advance() {
            (Token::Name(part), span) if first == "satellite" => {
                Node { expr: Expr::Satellite(name, part.to_owned()), span: start..span.end }
            }
            (Token::Name(_), span) => {
                let help = "only satellite[\"NAME\"] has parts by name".to_owned();
                self.fault(start..span.end, format!("{first} has no parts by name"), Some(help));
                hole(span.end)
            }
            (other, span) => {
                self.fault(span, format!("{other} follows a dot, where a name is expected"), None);
                hole(close.end)
            }
        }
    }

    fn arguments(&mut self) -> Vec<Node> {
        let mut arguments = Vec::new();
        if self.take(Token::Close) {
            return arguments;
        }
        loop {
            arguments.push(self.expression(0));
            if !self.take(Token::Comma) {
                self.expect(Token::Close, None);
                return arguments;
            }
        }
    }

    fn expect(&mut self, wanted: Token<'static>, help: Option<&str>) -> bool {
        if self.take(wanted) {
            return true;
        }
        let (other, span) = self.peek();
        if other != Token::Nothing {
            self.fault(span, format!("{other} stands where {wanted} is expected"), help.map(str::to_owned));
        }
        self.recover();
        self.take(wanted)
    }

    /// Reads the sign that comes next and what `part` reads behind it.
    fn deeper<T: From<Hole>>(&mut self, part: impl FnOnce(&mut Self) -> T) -> T {
        let (_, span) = self.advance();
        self.depth += 1;
        let read = if self.depth > MAX_DEPTH {
            self.fault(span.clone(), format!("this lies more than {MAX_DEPTH} levels deep"), None);
            self.give_up();
            T::from(Hole(span))
        } else {
            part(self)
        };
        self.depth -= 1;
        read
    }
}

/// What stands for something that is not read.
struct Hole(Range<usize>);

impl From<Hole> for Node {
    fn from(Hole(span): Hole) -> Self {
        Self { expr: Expr::Hole(Vec::new()), span }
    }
}

impl From<Hole> for Vec<Node> {
    fn from(_: Hole) -> Self {
        Self::new()
    }
}
