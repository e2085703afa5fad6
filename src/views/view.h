// One materialized view: its dataflow, the ids of its rows, and how the two are brought up to a
// time. When that happens, and on which thread, is decided in views.cc.
//
// Threads: one at a time; see the owners there.
#pragma once

#include <memory>

#include "collection/derivation.h"
#include "dataflow/planner.h"
#include "views/flow.h"
#include "views/live_rows.h"
#include "views/views.h"

namespace sluice::views {

// What it takes to bring a view up to date.
struct Surroundings {
  collection::Store& store;
  engine::Engine& engine;
  dataflow::Planner& planner;
};

class View {
 public:
  View(Surroundings around, Definition definition);

  const Definition& definition() const { return definition_; }
  collection::CollectionId id() const { return definition_.id; }

  // Builds the dataflow over its inputs at the time of `at`, and makes the stored rows those of its
  // answer, by a commit of what differs. `progress(rows, of)` now and then.
  using Progress = std::function<void(uint64_t rows, uint64_t of)>;
  Status fill(std::shared_ptr<const collection::ReadView> at, const Progress& progress,
              std::stop_token stop);
  bool is_filled() const { return flow_ != nullptr; }
  // Forgets the dataflow: the next step is a fill.
  void empty();

  // What its inputs have become since the time it was brought up to, until that of `to`; what it
  // shares with other views is brought there. Nothing: more than `most` rows have changed.
  Result<std::optional<dataflow::Graph::Changes>> changes_until(const collection::ReadView& to,
                                                                size_t most,
                                                                std::stop_token stop) const;
  // How many that is, with those of what it shares.
  size_t rows_to_follow(const dataflow::Graph::Changes& changes) const;
  // Follows them, and time, and commits what that makes of the view's rows.
  Status catch_up(const dataflow::Graph::Changes& changes,
                  std::shared_ptr<const collection::ReadView> to, std::stop_token stop);
  // Follows them until `time`, and keeps what that makes of the rows for the next emit().
  Status follow_later(const dataflow::Graph::Changes& changes, collection::Time time);
  size_t later_rows() const { return dataflow::row_count(later_); }

  // Follows the changes of a group of commits at `time`; gives the changes of its rows, which stay
  // valid as long as `changes` do.
  Result<dataflow::Delta> follow(const dataflow::Graph::Changes& changes, collection::Time time);
  // The time at which its rows change though nothing that it reads does; none: never, or it isn't
  // filled.
  std::optional<collection::Time> next_due() const;
  // Whether more rows than these come and go with time until then.
  bool has_due(collection::Time time, size_t more_than) const;
  // The same as the store takes them, together with what was kept for later. An error is a bug, and
  // leaves the view to be filled anew.
  Result<collection::DerivedChange> emit(const dataflow::Delta& delta,
                                         const collection::Derivation::Reserve& reserve);

  // The dataflow keeps at most so much; else what is being done fails, and the view is empty.
  void set_limit(uint64_t bytes) { limit_bytes_ = bytes; }

  // Whether every group of commits is followed, from the last one on.
  void set_followed(bool followed);
  // What it does as one of these does from now on one of them for both; see flow.h.
  void share_with(const std::vector<View*>& others, collection::Time time);
  std::vector<PartPtr> parts() const;

  // The time up to which it is brought is held from now on, so that it can go on from there.
  void hold(std::shared_ptr<const collection::ReadView> at) { held_ = std::move(at); }

  std::optional<Error> error() const { return flow_ ? flow_->error() : std::nullopt; }
  uint64_t bytes() const;
  uint64_t input_rows() const { return input_rows_; }  // about; as of the last fill
  std::vector<OperatorInfo> operators() const;

 private:
  class Writing;

  Status build(const collection::ReadView& at);
  Status fill_graph(const collection::ReadView& at, const Progress& progress,
                    const std::stop_token& stop);
  Status read_ids(LiveRows& to, const std::stop_token& stop);
  Status check_room(uint64_t ids) const;  // bytes of ids beside the dataflow's
  Result<dataflow::Delta> catch_up_flow(const dataflow::Graph::Changes& changes,
                                        collection::Time time);
  // Together with what was kept for later, which its being left behind has kept from emit().
  dataflow::Delta with_later(const dataflow::Delta& delta) const;
  Result<collection::RowId> take_row(std::string_view row);

  const Surroundings around_;
  const Definition definition_;
  const arrangement::RowCodec codec_;  // of its rows, for their ids
  std::unique_ptr<Flow> flow_;
  LiveRows rows_;
  collection::RowId last_row_id_{0};  // of those in rows_, while nothing follows
  dataflow::Delta later_;
  std::shared_ptr<const collection::ReadView> held_;  // shared with the store's readers
  uint64_t input_rows_ = 0;
  uint64_t limit_bytes_ = 0;  // 0: none
};

}  // namespace sluice::views
