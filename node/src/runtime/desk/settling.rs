//! Settling conflicts, and taking back what this organisation said.

use protocol::app::{
    control::{Problem, Request, codes},
    desk::settling::{self, Weighed},
};

use super::{Joined, Pending, Prepared};

impl Joined {
    /// What a settlement or a retraction comes to, before it is written.
    pub(super) fn settle(&mut self, request: Request) -> Result<Prepared, Problem> {
        let (Request::Resolve { record, .. } | Request::Retract { record, .. }) = &request else {
            return Err(Problem::new(codes::REQUEST, "this request settles nothing"));
        };
        let shelf = self.find(record)?;
        let view = self.correctable(&shelf)?;
        let statement = match &request {
            Request::Resolve { entity, field, chosen, seen, reason, .. } => {
                let weighed = Weighed { entity: *entity, field, chosen: *chosen, seen, reason };
                settling::resolve(&view, &weighed)?
            }
            Request::Retract { at, reason, .. } => settling::retract(&view, &self.state.organisation(), *at, reason)?,
            _ => unreachable!("matched above"),
        };
        let entries = vec![self.entry(&shelf, vec![statement], None)?];
        Ok(Prepared::Write(Pending::Saved(shelf.section, vec![]), entries))
    }
}
