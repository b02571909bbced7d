//! The table of mutations: one row for each, from which its method follows and, for facts about a case, its permission.

/// Declares the mutations of an object. A row is: name, input, payload, and how the input is recorded. For facts about
/// a case there may be, before the name, what a permission says and a sample fact that the same rules judge; the
/// permissions of other mutations are listed first.
macro_rules! mutations {
    (
        $object:ident,
        $(#[doc = $permissions_doc:literal])*
        $permissions:ident {
            $($(#[doc = $other_doc:literal])* $other:ident: $action:ident;)*
        }
        $(
            $(#[doc = $doc:literal])*
            $([$may:literal, like $like:expr])?
            $name:ident($ctx:ident, $input:ident: $type:ident) -> $payload:ident { $($body:tt)* }
        )*
    ) => {
        mutations! {
            $object
            $(
                $(#[doc = $doc])*
                $name($ctx, $input: $type) -> $payload { $($body)* }
            )*
        }

        $(#[doc = $permissions_doc])*
        #[async_graphql::Object]
        impl $permissions {
            $($(
                #[doc = $may]
                async fn $name(&self, ctx: &async_graphql::Context<'_>) -> Permission {
                    self.may(ctx, Action::RecordFacts, Some(&$like.into()))
                }
            )?)*
            $(
                $(#[doc = $other_doc])*
                async fn $other(&self, ctx: &async_graphql::Context<'_>) -> Permission {
                    self.may(ctx, Action::$action, None)
                }
            )*
        }
    };
    (
        $object:ident
        $(
            $(#[doc = $doc:literal])*
            $name:ident($ctx:ident, $input:ident: $type:ident) -> $payload:ident { $($body:tt)* }
        )*
    ) => {
        #[async_graphql::Object]
        impl $object {
            $(
                $(#[doc = $doc])*
                async fn $name(
                    &self,
                    $ctx: &async_graphql::Context<'_>,
                    #[graphql(desc = "The details to record.")] $input: $type,
                ) -> Answered<$payload> {
                    $($body)*
                }
            )*
        }
    };
}
pub(super) use mutations;
