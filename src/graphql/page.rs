//! Pages of lists: one type for every paged list of the API.
//!
//! A page has its items, with a cursor each, and fields of the list as a whole. Those are resolved only if a client
//! requests them. What may be listed, and in which order, is decided by each list.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaField, MetaType, MetaTypeId, ObjectBuilder, Registry};
use async_graphql::resolver_utils::{ContainerType, resolve_container, resolve_simple_field_value};
use async_graphql::{Context, ContextSelectionSet, OutputType, Positioned, ServerResult, SimpleObject, Value};

use super::bounds::PageLength;

/// An item of a paged list, with the descriptions of the list in the schema.
pub trait Listed: OutputType + Sized + 'static {
    /// The fields of the list as a whole, such as `totalCount`.
    type Totals: ContainerType + 'static;
    /// The description of a page.
    const PAGE: &'static str;
    /// The description of an item with its cursor.
    const EDGE: &'static str;
    /// One item, in the descriptions of fields.
    const ONE: &'static str;
    /// Several items, in the descriptions of fields.
    const MANY: &'static str;
    /// The fields that need another description, with it.
    const OTHERWISE: &'static [(&'static str, &'static str)] = &[];
}

/// A page of a list.
pub struct Page<T: Listed> {
    edges: Vec<Edge<T>>,
    info: PageInfo,
    totals: T::Totals,
}

/// An item with its cursor.
pub struct Edge<T> {
    cursor: String,
    node: T,
}

/// The cursors of a page, and whether there are more pages.
#[derive(Debug, Clone, SimpleObject)]
pub struct PageInfo {
    /// The cursor of the first item.
    start_cursor: Option<String>,
    /// The cursor of the last item. Pass it as `after` to get the next page.
    end_cursor: Option<String>,
    /// Whether there are more items after this page.
    has_next_page: bool,
    /// Whether there are more items before this page.
    has_previous_page: bool,
}

/// Whether a list has items outside a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct More {
    /// Before the page.
    pub(super) before: bool,
    /// After the page.
    pub(super) after: bool,
}

impl<T: Listed> Page<T> {
    /// A page of these rows, each with its cursor. A row without an item counts for the cursors only.
    pub(super) fn of(rows: impl IntoIterator<Item = (String, Option<T>)>, more: More, totals: T::Totals) -> Self {
        let (mut edges, mut start_cursor, mut end_cursor) = (Vec::new(), None, None);
        for (cursor, node) in rows {
            start_cursor.get_or_insert_with(|| cursor.clone());
            end_cursor = Some(cursor.clone());
            edges.extend(node.map(|node| Edge { cursor, node }));
        }
        let page_info =
            PageInfo { start_cursor, end_cursor, has_next_page: more.after, has_previous_page: more.before };
        Self { edges, info: page_info, totals }
    }

    /// The same page, for a list that was searched up to this cursor.
    pub(super) fn searched_to(mut self, end_cursor: Option<String>) -> Self {
        self.info.end_cursor = end_cursor;
        self
    }
}

/// The items of a complete list that fit on a page after some others, and whether there are more.
pub(super) fn part<I>(all: &[I], skipped: usize, first: PageLength) -> (&[I], More) {
    let end = all.len().min(skipped + first.count());
    (&all[skipped..end], More { before: skipped > 0, after: end < all.len() })
}

/// Cuts rows down to those that fit on a page. Returns whether there were more.
pub(super) fn cut<I>(rows: &mut Vec<I>, first: usize) -> bool {
    let more = rows.len() > first;
    rows.truncate(first);
    more
}

/// A field of a page or an edge, with its description.
fn field<T: Listed, F: OutputType>(registry: &mut Registry, name: &str, usual: String) -> (String, MetaField) {
    let mut field = MetaField::new(name, F::create_type_info(registry));
    let otherwise = T::OTHERWISE.iter().find(|(of, _)| *of == name);
    field.description = Some(otherwise.map_or(usual, |(_, description)| (*description).to_owned()));
    (name.to_owned(), field)
}

impl<T: Listed> OutputType for Page<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let many = T::MANY;
            let edges = format!("The {many} of this page, each with its cursor.");
            let page_info = "The cursors of this page, and whether there are more pages.".to_owned();
            let mut fields = IndexMap::from([
                field::<T, Vec<Edge<T>>>(registry, "edges", edges),
                field::<T, Vec<T>>(registry, "nodes", format!("The {many} of this page.")),
                field::<T, PageInfo>(registry, "pageInfo", page_info),
            ]);
            if let MetaType::Object { fields: totals, .. } = registry.create_fake_output_type::<T::Totals>() {
                fields.extend(totals);
            }
            let page = ObjectBuilder::new(Self::type_name(), fields).rust_typename(std::any::type_name::<Self>());
            page.description(Some(T::PAGE.to_owned())).build()
        })
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl<T: Listed> ContainerType for Page<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        match ctx.item.node.name.node.as_str() {
            "edges" => resolve_simple_field_value(ctx, &self.edges).await,
            "nodes" => {
                let nodes: Vec<&T> = self.edges.iter().map(|edge| &edge.node).collect();
                resolve_simple_field_value(ctx, &nodes).await
            }
            "pageInfo" => resolve_simple_field_value(ctx, &self.info).await,
            _ => self.totals.resolve_field(ctx).await,
        }
    }
}

impl<T: Listed> OutputType for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let (one, many) = (T::ONE, T::MANY);
            let cursor = format!("The cursor of this {one}. Pass it as `after` to get the {many} that follow.");
            let fields = IndexMap::from([
                field::<T, String>(registry, "cursor", cursor),
                field::<T, T>(registry, "node", format!("The {one}.")),
            ]);
            let edge = ObjectBuilder::new(Self::type_name(), fields).rust_typename(std::any::type_name::<Self>());
            edge.description(Some(T::EDGE.to_owned())).build()
        })
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl<T: Listed> ContainerType for Edge<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        match ctx.item.node.name.node.as_str() {
            "cursor" => resolve_simple_field_value(ctx, &self.cursor).await,
            "node" => resolve_simple_field_value(ctx, &self.node).await,
            _ => Ok(None),
        }
    }
}
