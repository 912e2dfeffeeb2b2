//! Which packets of a session are new: a window over their numbers, so that nothing is obeyed twice.

/// How many numbers before the highest, and how many after it, are taken.
const WIDTH: u32 = 16;

/// The numbers of a session that have come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    highest: u32,
    /// Bit N: the number N below the highest has come.
    seen: u32,
}

impl Window {
    /// Whether a number is new and near enough, in which case it has come from now on.
    pub fn admit(&mut self, number: u32) -> bool {
        // Numbers go round, over zero, which is none.
        let ahead = number.wrapping_sub(self.highest);
        let behind = self.highest.wrapping_sub(number);
        if number == 0 {
            return false;
        }
        if (1..=WIDTH).contains(&ahead) {
            self.highest = number;
            self.seen = self.seen << ahead | 1;
            return true;
        }
        let bit = 1_u32.checked_shl(behind).unwrap_or_default();
        let fresh = behind < WIDTH && self.seen & bit == 0;
        self.seen |= if fresh { bit } else { 0 };
        fresh
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn repeated_old_and_far_packets_are_refused() {
        let mut window = Window::default();
        for (number, admitted) in [
            (0, false),
            (1, true),
            (1, false),
            (3, true),
            (2, true),
            (2, false),
            (19, true),
            (3, false),
            (4, true),
            (36, false),
            (35, true),
            (19, false),
        ] {
            assert_eq!(window.admit(number), admitted, "{number}");
        }
    }

    #[test]
    fn numbers_go_round() {
        let mut window = Window {
            highest: u32::MAX,
            seen: 1,
        };
        assert!(window.admit(2) && window.admit(u32::MAX - 1) && !window.admit(u32::MAX));
    }

    proptest! {
        #[test]
        fn nothing_is_admitted_twice(numbers in prop::collection::vec(1..60_u32, 0..100)) {
            let mut window = Window::default();
            let admitted: Vec<_> = numbers.into_iter().filter(|number| window.admit(*number)).collect();
            let mut distinct = admitted.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(admitted.len(), distinct.len());
        }
    }
}
