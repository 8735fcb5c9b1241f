//! A place beside what must not be covered.

use eframe::egui::{Pos2, Rect, Vec2, pos2};

/// Points between two things that stand beside each other.
const GAP: f32 = 10.0;

/// Where a card of this size covers none of `others`, as near as can be to the first of them; where there is no such place,
/// the one that covers least.
pub fn beside(room: Rect, size: Vec2, others: &[Rect]) -> Pos2 {
    let near = others.first().map_or(room.right_bottom(), Rect::center);
    let cost = |at: &Pos2| {
        let card = Rect::from_min_size(*at, size);
        let covered: f32 = others.iter().map(|other| overlap(card, other.expand(GAP / 2.0))).sum();
        (covered, card.center().distance(near))
    };
    let places = places(room, size, others);
    let best = places.into_iter().min_by(|x, y| {
        let ((covered, far), (other_covered, other_far)) = (cost(x), cost(y));
        covered.total_cmp(&other_covered).then(far.total_cmp(&other_far))
    });
    best.unwrap_or(room.min)
}

/// Along the edges of the room and of the others, inside of the room.
fn places(room: Rect, size: Vec2, others: &[Rect]) -> Vec<Pos2> {
    let inside = room.shrink(GAP / 2.0);
    let (mut xs, mut ys) = (vec![inside.left(), inside.right() - size.x], vec![inside.top(), inside.bottom() - size.y]);
    for other in others {
        xs.extend([other.left() - GAP - size.x, other.right() + GAP, other.left(), other.right() - size.x]);
        ys.extend([other.top() - GAP - size.y, other.bottom() + GAP, other.top(), other.bottom() - size.y]);
    }
    let clamp = |x: f32, low: f32, high: f32| x.min(high).max(low);
    let place = |x: f32, y: f32| {
        let x = clamp(x, inside.left(), inside.right() - size.x);
        pos2(x, clamp(y, inside.top(), inside.bottom() - size.y))
    };
    xs.iter().flat_map(|&x| ys.iter().map(move |&y| (x, y))).map(|(x, y)| place(x, y)).collect()
}

/// The area that two rectangles share.
fn overlap(one: Rect, other: Rect) -> f32 {
    let both = one.intersect(other);
    if both.is_positive() { both.area() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::vec2;

    fn rect(x: f32, y: f32, width: f32, height: f32) -> Rect {
        Rect::from_min_size(pos2(x, y), vec2(width, height))
    }

    #[test]
    fn it_stands_beside_and_inside() {
        let (room, size) = (rect(0.0, 50.0, 1000.0, 600.0), vec2(300.0, 250.0));
        let others = [rect(780.0, 300.0, 220.0, 60.0), rect(200.0, 450.0, 560.0, 200.0)];
        let card = Rect::from_min_size(beside(room, size, &others), size);
        assert!(room.contains_rect(card), "{card:?}");
        assert!(others.iter().all(|other| !other.intersects(card)), "{card:?}");
        assert!(card.right() > 460.0, "near the first: {card:?}");
        // Where nothing is free, it still is on screen.
        let card = Rect::from_min_size(beside(room, size, &[room]), size);
        assert!(room.contains_rect(card));
    }
}
