//! The order in which things are measured beside each other.

/// Which of `count` is measured next, as (round, place): each once in each round. A round begins with another one
/// than the round before, so that none always follows the same.
pub(crate) fn in_turn(rounds: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rounds).flat_map(move |round| (0..count).map(move |turn| (round, (turn + round) % count)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_comes_once_in_a_round_which_begins_with_another() {
        let order: Vec<_> = super::in_turn(2, 3).collect();
        assert_eq!(order, [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (1, 0)]);
        assert_eq!(super::in_turn(2, 0).count(), 0);
    }
}
