//! The order in which things are started: what they depend on must exist, and must not depend on them.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{
    context::{Category, Context, Reference, Wait},
    diagnostic::{Code, Finding, quote},
    model::{Object, Until},
    suggest::did_you_mean,
    tree::Mark,
};

/// Takes note of the names that `depends-on` uses, for the check of references.
pub fn refer(cx: &mut Context<'_>) {
    for Wait { object, mark, .. } in &cx.waits {
        let (category, name) = match object {
            Object::Node(name) => (Category::Node, name),
            Object::Namespace(name) | Object::App { namespace: name, .. } => (Category::Namespace, name),
        };
        cx.references.push(Reference {
            category,
            name: name.clone(),
            mark: *mark,
        });
    }
}

/// Checks `depends-on` of all things against each other.
pub fn check(cx: &mut Context<'_>) {
    let waits = std::mem::take(&mut cx.waits);
    if !cx.incomplete {
        for wait in &waits {
            unknown_app(cx, wait);
        }
    }
    for Wait { object, mark, .. } in &waits {
        if let Object::Node(name) = object
            && cx.idle.contains(name)
        {
            let message = format!(
                "Node {} is not powered on with the lab: nothing can wait for it.",
                quote(name)
            );
            cx.report(Finding::error(Code::Conflict, *mark, message).hint("Remove its `power: off`, or this entry."));
        }
    }
    cycles(cx, &waits);
}

/// An app must exist in its namespace, which another check finds to exist.
fn unknown_app(cx: &mut Context<'_>, wait: &Wait) {
    let Object::App { namespace, app } = &wait.object else {
        return;
    };
    let known = cx.defined.get(&Category::Namespace);
    if !known.is_some_and(|names| names.contains_key(namespace)) {
        return;
    }
    let apps: Vec<&str> = cx
        .apps
        .get(namespace)
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    if apps.contains(&app.as_str()) {
        return;
    }
    let message = format!("Namespace {} has no app {}.", quote(namespace), quote(app));
    let hint = did_you_mean(app, apps);
    let finding = Finding::error(Code::UnknownReference, wait.mark, message).maybe_hint(hint);
    cx.report(finding);
}

/// How far something is to come, and what must come first.
struct Goal {
    object: Object,
    /// Goals that must be reached before, with the entry that says so, if one does.
    needs: Vec<(usize, Option<Mark>)>,
    /// Those who need this one.
    needed_by: Vec<usize>,
    /// How many of `needs` can't be reached yet.
    open: usize,
}

/// All goals, found by what they are.
#[derive(Default)]
struct Goals {
    goals: Vec<Goal>,
    index: HashMap<(Object, Until), usize>,
}

impl Goals {
    /// Returns the number of a goal, with what it needs by itself.
    fn goal(&mut self, object: &Object, until: Until) -> usize {
        if let Some(&index) = self.index.get(&(object.clone(), until)) {
            return index;
        }
        let index = self.goals.len();
        self.goals.push(Goal {
            object: object.clone(),
            needs: Vec::new(),
            needed_by: Vec::new(),
            open: 0,
        });
        self.index.insert((object.clone(), until), index);
        match (until, object) {
            (Until::Ready, _) => {
                let started = self.goal(object, Until::Started);
                self.need(index, started, None);
            }
            (Until::Started, Object::App { namespace, .. }) => {
                let namespace = self.goal(&Object::Namespace(namespace.clone()), Until::Started);
                self.need(index, namespace, None);
            }
            (Until::Started, _) => {}
        }
        index
    }

    fn need(&mut self, goal: usize, needed: usize, mark: Option<Mark>) {
        self.goals[goal].needs.push((needed, mark));
        self.goals[goal].open += 1;
        self.goals[needed].needed_by.push(goal);
    }

    /// Takes goals as reached, and all that can be reached then.
    fn reach(&mut self, mut reached: VecDeque<usize>) {
        while let Some(index) = reached.pop_front() {
            for goal in std::mem::take(&mut self.goals[index].needed_by) {
                let open = &mut self.goals[goal].open;
                if *open > 0 {
                    *open -= 1;
                    if *open == 0 {
                        reached.push_back(goal);
                    }
                }
            }
        }
    }

    /// Follows what can't be reached until it comes back to where it was. Each goal that can't be reached needs another one.
    fn circle(&self, start: usize) -> Vec<(usize, Option<Mark>)> {
        let mut seen = HashMap::new();
        let mut path: Vec<(usize, Option<Mark>)> = Vec::new();
        let mut goal = start;
        loop {
            if let Some(&first) = seen.get(&goal) {
                return path.split_off(first);
            }
            seen.insert(goal, path.len());
            let next = self.goals[goal]
                .needs
                .iter()
                .find(|(needed, _)| self.goals[*needed].open > 0);
            let Some(&(next, mark)) = next else {
                return Vec::new();
            };
            path.push((goal, mark));
            goal = next;
        }
    }
}

/// Nothing may wait for what waits for it.
fn cycles(cx: &mut Context<'_>, waits: &[Wait]) {
    if waits.is_empty() {
        return;
    }
    let mut goals = Goals::default();
    for (namespace, apps) in &cx.apps {
        let whole = goals.goal(&Object::Namespace(namespace.clone()), Until::Ready);
        for app in apps {
            let (namespace, app) = (namespace.clone(), app.clone());
            let ready = goals.goal(&Object::App { namespace, app }, Until::Ready);
            goals.need(whole, ready, None);
        }
    }
    for (object, namespace) in &cx.lookouts {
        let ready = goals.goal(object, Until::Ready);
        let from = goals.goal(&Object::Namespace(namespace.clone()), Until::Started);
        goals.need(ready, from, None);
    }
    for wait in waits {
        let started = goals.goal(&wait.waiter, Until::Started);
        let needed = goals.goal(&wait.object, wait.until);
        goals.need(started, needed, Some(wait.mark));
    }
    let free = (0..goals.goals.len())
        .filter(|index| goals.goals[*index].open == 0)
        .collect();
    goals.reach(free);
    for start in 0..goals.goals.len() {
        if goals.goals[start].open == 0 {
            continue;
        }
        let circle = goals.circle(start);
        report(cx, &goals, &circle);
        for (index, _) in &circle {
            goals.goals[*index].open = 0;
        }
        goals.reach(circle.into_iter().map(|(index, _)| index).collect());
    }
}

/// Tells of a circle at the first of the entries that make it.
fn report(cx: &mut Context<'_>, goals: &Goals, circle: &[(usize, Option<Mark>)]) {
    let marks: BTreeMap<Mark, &Object> = circle
        .iter()
        .filter_map(|(index, mark)| Some(((*mark)?, &goals.goals[*index].object)))
        .collect();
    let mut names: Vec<String> = Vec::new();
    for (index, _) in circle {
        let name = quote(&goals.goals[*index].object.to_string());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut marks = marks.into_iter();
    let Some((first, _)) = marks.next() else { return };
    let message = match names.split_last() {
        Some((only, [])) => format!("{only} waits for itself: it would never be started."),
        Some((last, others)) => format!(
            "{} and {last} wait for each other: none of them would ever be started.",
            others.join(", ")
        ),
        None => return,
    };
    let finding = Finding::error(Code::Cycle, first, message);
    cx.report(marks.fold(finding, |finding, (mark, object)| {
        finding.related(mark, format!("{} waits here.", quote(&object.to_string())))
    }));
}
