//! A recursive-descent calculator: numbers, names, `+ - * / ^`, brackets.
//!
//! `rustc parser.rs && ./parser '2 * (x + 0xFF)' x=1.5`
//! The minus sign may also be written − (U+2212).

use std::collections::HashMap;
use std::env;
use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

#[derive(Debug, Clone, PartialEq)]
enum Expr {
    Num(f64),
    Name(String),
    Neg(Box<Expr>),
    Bin(char, Box<Expr>, Box<Expr>),
}

#[derive(Debug, PartialEq)]
enum Error {
    Unexpected(char),
    End,
    BadNumber(String),
    Unknown(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unexpected(c) => write!(f, "unexpected {c:?}"),
            Error::End => f.write_str("the text ends too soon"),
            Error::BadNumber(s) => write!(f, "\"{s}\" isn't a number"),
            Error::Unknown(s) => write!(f, "nobody told me what `{s}` is"),
        }
    }
}

impl std::error::Error for Error {}

struct Parser<'a> {
    chars: Peekable<Chars<'a>>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Parser { chars: text.chars().peekable() }
    }

    fn peek(&mut self) -> Option<char> {
        while self.chars.next_if(|c| c.is_whitespace()).is_some() {}
        self.chars.peek().map(|&c| if c == '\u{2212}' { '-' } else { c })
    }

    fn whole(mut self) -> Result<Expr, Error> {
        let e = self.sum()?;
        self.peek().map_or(Ok(e), |c| Err(Error::Unexpected(c)))
    }

    fn sum(&mut self) -> Result<Expr, Error> {
        let mut left = self.product()?;
        while let Some(op @ ('+' | '-')) = self.peek() {
            self.chars.next();
            left = Expr::Bin(op, Box::new(left), Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expr, Error> {
        let mut left = self.power()?;
        while let Some(op @ ('*' | '/')) = self.peek() {
            self.chars.next();
            left = Expr::Bin(op, Box::new(left), Box::new(self.power()?));
        }
        Ok(left)
    }

    fn power(&mut self) -> Result<Expr, Error> {
        let base = self.atom()?;
        if self.peek() != Some('^') {
            return Ok(base);
        }
        self.chars.next();
        Ok(Expr::Bin('^', Box::new(base), Box::new(self.power()?)))
    }

    fn atom(&mut self) -> Result<Expr, Error> {
        match self.peek().ok_or(Error::End)? {
            '-' => {
                self.chars.next();
                Ok(Expr::Neg(Box::new(self.power()?)))
            }
            '(' => {
                self.chars.next();
                let inner = self.sum()?;
                match self.peek().ok_or(Error::End)? {
                    ')' => self.chars.next(),
                    c => return Err(Error::Unexpected(c)),
                };
                Ok(inner)
            }
            c if c.is_ascii_digit() => self.number(),
            c if c.is_alphabetic() => Ok(Expr::Name(self.word())),
            c => Err(Error::Unexpected(c)),
        }
    }

    fn word(&mut self) -> String {
        let mut out = String::new();
        while let Some(c) = self.chars.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '.')) {
            out.push(c);
        }
        out
    }

    fn number(&mut self) -> Result<Expr, Error> {
        let s = self.word();
        let value = match s.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok().map(|n| n as f64),
            None => s.parse().ok(),
        };
        value.map(Expr::Num).ok_or(Error::BadNumber(s))
    }
}

fn eval(e: &Expr, names: &HashMap<&str, f64>) -> Result<f64, Error> {
    Ok(match e {
        Expr::Num(n) => *n,
        Expr::Name(s) => *names.get(s.as_str()).ok_or_else(|| Error::Unknown(s.clone()))?,
        Expr::Neg(inner) => -eval(inner, names)?,
        Expr::Bin(op, a, b) => match (op, eval(a, names)?, eval(b, names)?) {
            ('+', a, b) => a + b,
            ('-', a, b) => a - b,
            ('*', a, b) => a * b,
            ('/', a, b) => a / b,
            (_, a, b) => a.powf(b),
        },
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let text = args.first().map_or("-2^2 + 10/4", String::as_str);
    let mut names = HashMap::from([("pi", std::f64::consts::PI)]);
    for (k, v) in args.iter().skip(1).filter_map(|a| a.split_once('=')) {
        names.insert(k, v.parse()?);
    }
    println!("{text} = {}", eval(&Parser::new(text).whole()?, &names)?);
    Ok(())
}
