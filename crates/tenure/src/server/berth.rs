//! Memory for the futures of exchanges. Such a future is large (a handler's, its response and
//! content) and needed only while a request is under way: a connection that waits holds none, and
//! the next exchange on the same thread takes the memory that the last one left.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tracing::Span;

/// So many are kept for each thread; requests under way may hold any number more.
const KEPT: usize = 32;

thread_local! {
    static FREE: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// Room for one future of its type, in turn.
struct Place<F> {
    work: Pin<Box<Option<F>>>,
    /// In which it is polled.
    span: Span,
}

/// A future that lies in such a place until it is ready.
pub(super) struct Berth<F>(Option<Box<Place<F>>>);

impl<F: Future + 'static> Berth<F> {
    /// `make` makes the future where it is to lie, if the compiler can, rather than have it moved there.
    #[inline]
    pub(super) fn new(span: Span, make: impl FnOnce() -> F) -> Self {
        let free = FREE.with_borrow_mut(Vec::pop).and_then(|place| place.downcast::<Place<F>>().ok());
        let mut place = free.unwrap_or_else(|| Box::new(Place { work: Box::pin(None), span: Span::none() }));
        place.span = span;
        place.work.set(Some(make()));
        Self(Some(place))
    }
}

impl<F: Future + 'static> Future for Berth<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Never empty before it is ready, and nobody polls it after that.
        let Some(Place { work, span }) = self.0.as_deref_mut() else { return Poll::Pending };
        let Some(work) = work.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = {
            let _within = span.enter();
            ready!(work.poll(cx))
        };
        if let Some(mut place) = self.0.take() {
            place.work.set(None);
            place.span = Span::none();
            FREE.with_borrow_mut(|free| {
                if free.len() < KEPT {
                    free.push(place);
                }
            });
        }
        Poll::Ready(output)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Futures of one type, and of another than all others in this program.
    async fn work(waits: bool, drops: std::rc::Rc<()>) -> *const () {
        if waits {
            std::future::pending::<()>().await;
        }
        // The address of something inside of the future itself.
        let here = [0_u8; 100];
        std::future::ready(()).await;
        let _ = drops;
        here.as_ptr().cast()
    }

    #[test]
    fn the_memory_of_one_is_taken_by_the_next_and_holds_nothing_meanwhile() {
        let mark = std::rc::Rc::new(());
        let place = |berth: &Berth<_>| berth.0.as_ref().map(|place| std::ptr::from_ref(&*place.work).addr());
        let mut first = pin!(Berth::new(Span::none(), || work(false, mark.clone())));
        let first_place = place(&first);
        assert!(first_place.is_some() && poll(first.as_mut()).is_ready());
        assert_eq!(std::rc::Rc::strong_count(&mark), 1, "nothing of the future is left");

        let mut waits = pin!(Berth::new(Span::none(), || work(true, mark.clone())));
        assert_eq!(place(&waits), first_place);
        assert!(poll(waits.as_mut()).is_pending());
        let beside = Berth::new(Span::none(), || work(false, mark.clone()));
        assert_ne!(place(&beside), first_place, "it is in use");

        let other = Berth::new(Span::none(), || async {});
        drop((other, beside));
        assert_eq!(std::rc::Rc::strong_count(&mark), 2, "one that is dropped drops its future");
    }

    #[test]
    fn no_more_are_kept_than_may_be() {
        let berths: Vec<_> = (0..2 * KEPT).map(|_| Berth::new(Span::none(), || async {})).collect();
        for mut berth in berths {
            assert!(poll(Pin::new(&mut berth)).is_ready());
        }
        assert_eq!(FREE.with_borrow(Vec::len), KEPT);
    }
}
